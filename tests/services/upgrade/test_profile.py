"""A profile between two releases: what changes, and what its text becomes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mixvllm.core.errors import MachineFault, UsageFault
from mixvllm.services.check import Request, check
from mixvllm.services.upgrade.change import ChangeKind
from mixvllm.services.upgrade.editing import Editing
from mixvllm.services.upgrade.profile import Upgrade, upgrade
from mixvllm.services.upgrade.successor import successor_of
from mixvllm.vllm.options import known_releases
from mixvllm.vllm.table import load_table

_ENVIRON = {"PATH": ""}


def upgraded(folder: Path, text: str, *, since: str | None = "0.12.0", to: str = "0.33") -> Upgrade:
    path = folder / "p.yaml"
    path.write_bytes(text.encode())
    return upgrade(path, _ENVIRON, to=to, since=since)


def kinds(made: Upgrade) -> list[str]:
    return [c.kind.value for c in made.changes if c.kind is not ChangeKind.DEFAULT]


def in_args(*lines: str) -> str:
    return "model: m\nvllm:\n  args:\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["max-num-seqs: 8", "swap-space: 4 # gone", "seed: 1"], ["max-num-seqs: 8", "seed: 1"]),
        (["seed: 1", "disable-log-requests: true"], ["seed: 1"]),
        (["seed: 1", "disable-log-requests: false"], ["seed: 1"]),
        (["cuda_graph_sizes: [1, 2] # few"], ["cudagraph_capture_sizes: [1, 2] # few"]),
        (["--cuda-graph-sizes: [1]"], ["--cudagraph-capture-sizes: [1]"]),
        (["task: score"], ["runner: pooling"]),
        (["task: classify"], ["runner: pooling", "convert: classify"]),
        (["disable-mm-preprocessor-cache: true"], ["mm-processor-cache-gb: 0"]),
        (["seed: 1", "disable-mm-preprocessor-cache: false"], ["seed: 1"]),
        (["enable_multimodal_encoder_data_parallel: true"], ["mm_encoder_tp_mode: data"]),
        (["convert: reward"], ["convert: embed"]),
        (["convert: mm_encoder_only"], ["mm-encoder-only: true"]),
        (["compilation-config: {level: 3, backend: eager}"],
         ["compilation-config: {mode: 3, backend: eager}"]),
        (["override-pooler-config: {softmax: true}"], None),
        (["pooler-config: {softmax: true}"], ["pooler-config: {use_activation: true}"]),
        (["kv-transfer-config: {kv_role: kv_both, kv_rank: 0, kv_connector: X}"],
         ["kv-transfer-config: {kv_role: kv_both, kv_connector: X}"]),
        (["attention-config: {use_fp4_indexer_cache: true}"],
         ["attention-config: {indexer_kv_dtype: mxfp4}"]),
    ],
)  # fmt: skip
def test_what_is_gone_is_written_anew(
    tmp_path: Path, before: list[str], after: list[str] | None
) -> None:
    made = upgraded(tmp_path, in_args(*before))
    expected = in_args(*before) if after is None else in_args(*after)
    assert made.edited.decode() == expected
    assert made.errors == (after is None)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("model: m\nvllm:\n  env:\n    VLLM_ALL2ALL_BACKEND: naive\n",
         "model: m\nvllm:\n  args:\n    all2all-backend: naive\n"),
        ("model: m\nvllm:\n  args: {seed: 1}\n  env:\n    A: b\n    VLLM_MM_INPUT_CACHE_GIB: 8\n",
         "model: m\nvllm:\n  args: {seed: 1, mm-processor-cache-gb: 8}\n  env:\n    A: b\n"),
        ("model: m\nvllm:\n  env: {VLLM_USE_FBGEMM: 0}\nserver: {port: 1}\n",
         "model: m\nserver: {port: 1}\n"),
        ("model: m\nvllm:\n  args:\n    swap-space: 4\n# end", "model: m\n# end"),
        ("model: m\nvllm: {args: {swap-space: 4, seed: 1}}\n",
         "model: m\nvllm: {args: {seed: 1}}\n"),
        ("model: m\nvllm: {args: {seed: 1, swap-space: 4}}\n",
         "model: m\nvllm: {args: {seed: 1}}\n"),
        ("vllm:\n  args:\n    seed: 1\n    task: |-\n      embed\n\n  # more\nmodel: m\n",
         "vllm:\n  args:\n    seed: 1\n    runner: pooling\n    convert: embed\n\n"
         "  # more\nmodel: m\n"),
        ("model: m\r\nvllm:\r\n  args:\r\n    seed: 1\r\n    swap-space: 4\r\n",
         "model: m\r\nvllm:\r\n  args:\r\n    seed: 1\r\n"),
        ("model: m\r\nvllm:\r\n  args:\r\n    task: embed\r\n",
         "model: m\r\nvllm:\r\n  args:\r\n    runner: pooling\r\n    convert: embed\r\n"),
        ("\ufeffmodel: m # é\nvllm:\n  args: {swap-space: 4}\n", "\ufeffmodel: m # é\n"),
        ("model: m\nvllm:\n  args:\n    seed: 1\n  env:\n    VLLM_TORCH_PROFILER_DIR: /t\n"
         "    VLLM_TORCH_PROFILER_WITH_STACK: 0\n",
         "model: m\nvllm:\n  args:\n    seed: 1\n    profiler-config: {profiler: torch, "
         "torch_profiler_dir: /t, torch_profiler_with_stack: false}\n"),
        ("x-a: &a\n  swap-space: 4 # anchored\n  seed: 1\nmodel: m\nvllm: {args: {<<: *a}}\n",
         "x-a: &a\n  seed: 1\nmodel: m\nvllm: {args: {<<: *a}}\n"),
        ("model: m\nvllm:\n  env:\n    VLLM_ALL2ALL_BACKEND: naive",
         "model: m\nvllm:\n  args:\n    all2all-backend: naive"),
    ],
)  # fmt: skip
def test_every_other_byte_stays(tmp_path: Path, before: str, after: str) -> None:
    made = upgraded(tmp_path, before)
    assert made.edited.decode() == after
    assert made.errors == 0


@pytest.mark.parametrize(
    "text",
    [
        in_args("task: embed", "runner: pooling"),
        in_args("task: ${env:TASK:-embed}"),
        in_args("compilation-config: '{\"level\": 3}'"),
        in_args("compilation-config: {level: 3, mode: 2}"),
        "x-a: &a {swap-space: 4}\nmodel: m\nvllm:\n  args:\n    <<: *a\n    seed: 1\n",
        in_args("cuda-graph-sizes: [1, *nobody]"),
        "model: m\nvllm:\n  env: {VLLM_USE_TRTLLM_ATTENTION: maybe}\n",
        "model: m\nvllm:\n  env: {VLLM_SLEEP_WHEN_IDLE: 1}\n",
        in_args("all2all-backend: mori"),
    ],
)
def test_what_is_not_certain_is_left_to_a_person(tmp_path: Path, text: str) -> None:
    made = upgraded(tmp_path, text, since="0.17.1" if "mori" in text else "0.12.0")
    assert made.edited == made.raw
    assert made.errors > 0
    assert any(c.advice for c in made.changes)


def test_an_edit_that_says_anything_else_is_not_kept() -> None:
    raw = in_args("swap-space: 4", "seed: 1").encode()
    request = Request(Path("p.yaml"), _ENVIRON, text=raw)
    after = check(replace(request, release="0.33.0"))
    step = next(s for d in after.diagnostics if (s := successor_of(d, after)) is not None)
    editing = Editing(request, raw, after)
    assert editing._is_kept(in_args("seed: 1").encode(), [step])
    for other in (in_args("seed: 2"), in_args("seed: 1", "bogus: 1"), in_args("swap-space: 4")):
        assert not editing._is_kept(other.encode(), [step])


def test_one_edit_that_cannot_be_made_does_not_stop_the_others(tmp_path: Path) -> None:
    text = in_args("task: &t embed", "tokenizer: *t", "swap-space: 4", "cuda-graph-sizes: [1]")
    made = upgraded(tmp_path, text)
    left = in_args("task: &t embed", "tokenizer: *t", "cudagraph-capture-sizes: [1]")
    assert made.edited.decode() == left
    assert [bool(c.edit) for c in made.changes if c.default is None] == [False, True, True]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ('"0.12.0"', '"0.33.0"'), ("'0.12'", "'0.33'"), ("0.12.0 # pinned", "0.33.0 # pinned"),
        ("v0.12.0", "0.33.0"), ("0.12", '"0.33"'), ("${env:V:-0.12.0}", "${env:V:-0.12.0}"),
    ],
)  # fmt: skip
def test_the_release_is_written_as_it_was(tmp_path: Path, version: str, expected: str) -> None:
    made = upgraded(tmp_path, f"model: m\nvllm:\n  version: {version}\n", since=None)
    assert made.edited.decode() == f"model: m\nvllm:\n  version: {expected}\n"
    assert (made.since, made.until) == ("0.12.0", "0.33.0")


def test_a_release_that_nobody_named_is_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="none is installed"):
        upgraded(tmp_path, "model: m\n", since=None)
    with pytest.raises(UsageFault, match="not known here"):
        upgraded(tmp_path, "model: m\nvllm: {version: 7.7.7}\n", since=None)
    with pytest.raises(UsageFault, match="older"):
        upgraded(tmp_path, "model: m\n", since="0.30", to="0.29")
    for since, to in (("0.30", "9.9"), ("9.9", "0.33")):
        with pytest.raises(MachineFault, match=r"no option table for vLLM 9\.9"):
            upgraded(tmp_path, "model: m\n", since=since, to=to)


def test_a_file_that_it_extends_is_not_edited(tmp_path: Path) -> None:
    base = "vllm:\n  version: 0.12.0\n  args:\n    swap-space: 4\n"
    (tmp_path / "base.yaml").write_text(base)
    made = upgraded(tmp_path, "extends: base.yaml\nmodel: m\n", since=None)
    assert made.edited == made.raw
    assert (tmp_path / "base.yaml").read_text() == base
    (change,) = [c for c in made.changes if c.default is None]
    assert str(change.origin).endswith("base.yaml:4:5")
    assert made.errors == 1


def test_what_was_wrong_before_is_no_change(tmp_path: Path) -> None:
    made = upgraded(tmp_path, in_args("bogus: 1", "seed: x"))
    assert kinds(made) == []
    assert made.errors == 2


def test_every_kind_of_change_is_told(tmp_path: Path) -> None:
    text = in_args(
        "swap-space: 4", "convert: reward", "compilation-config: {level: 3}",
        "tensor-parallel-size: 0", "shutdown-timeout: 5", "disable-cascade-attn: true",
    ) + "  env: {VLLM_ATTENTION_BACKEND: X}\n"  # fmt: skip
    made = upgraded(tmp_path, text, since="0.12.0")
    assert set(kinds(made)) == {kind.value for kind in ChangeKind} - {"default"}
    assert [c.kind for c in made.changes] == sorted(
        (c.kind for c in made.changes), key=list(ChangeKind).index
    )


def test_defaults_are_told_where_they_matter(tmp_path: Path) -> None:
    made = upgraded(tmp_path, in_args("allowed-origins: ['*']"), since="0.16", to="0.33")
    told = {c.default.option.name: c.default.kept for c in made.changes if c.default is not None}
    assert "allowed-origins" not in told
    assert "dcp-comm-backend" not in told
    assert "mamba-cache-mode" not in told  # deprecated, and without effect
    assert told["gpu-memory-utilization"] == "gpu-memory-utilization: 0.9"
    with_dcp = upgraded(tmp_path, in_args("decode-context-parallel-size: 2"), since="0.16")
    assert "dcp-comm-backend" in {
        c.default.option.name for c in with_dcp.changes if c.default is not None
    }


def test_the_line_that_keeps_a_default_is_taken(tmp_path: Path) -> None:
    for since in known_releases()[:-1]:
        made = upgraded(tmp_path, "model: m\n", since=since)
        lines = [c.default.kept for c in made.changes if c.default is not None and c.default.kept]
        kept = check(Request(Path("p.yaml"), _ENVIRON, release="0.33", since=since,
                             text=in_args(*lines).encode()))  # fmt: skip
        assert [d.code for d in kept.diagnostics if d.severity.value == "error"] == []


def test_a_second_upgrade_finds_nothing_to_do(tmp_path: Path) -> None:
    text = in_args("task: embed", "swap-space: 1") + "  version: 0.12.0\n"
    made = upgraded(tmp_path, text, since=None)
    again = upgraded(tmp_path, made.edited.decode(), since=None)
    assert (again.edited, again.changes) == (again.raw, ())


def test_no_secret_is_in_the_result(tmp_path: Path) -> None:
    text = in_args("swap-space: 4") + "  env: {HF_TOKEN: hf_plainplainplain}\n"
    made = upgraded(tmp_path, text)
    assert "plainplain" not in json.dumps(made.as_json()) + made.diff
    assert "plainplain" in made.edited.decode()


def test_every_option_that_is_gone_is_edited_or_left_as_an_error(tmp_path: Path) -> None:
    table = load_table()
    last = len(table.releases) - 1
    values = {"switch": "true", "flag": "true", "integer": "1", "number": "1", "string": "x"}
    for name, spans in table.histories("options"):
        if spans[-1][1] == last:
            continue
        spec = spans[-1][2]
        value = (spec.get("choices") or [values[spec["kind"]]])[0]
        line = f"{name}: [{value}]" if spec.get("many") else f"{name}: {value}"
        made = upgraded(tmp_path, in_args(line), since=table.releases[spans[-1][1]])
        assert name not in made.edited.decode() or made.errors, name
        assert kinds(made)[0] == "removed"
