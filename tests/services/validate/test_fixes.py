"""Fixes keep their promise: the finding is gone, nothing else is changed, and once is enough."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixvllm.core.diagnostic import Applicability, Severity
from mixvllm.core.origin import FileSpan
from mixvllm.services.check import Checked, Request, check
from mixvllm.services.validate.fixes import Mended, mend
from mixvllm.settings.yaml import parse_profile

FOLDER = Path(__file__).parents[2] / "data" / "bad_profiles"
BAD = sorted(FOLDER.rglob("*.yaml"))
EXPECTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (case, told)
    for case in json.loads((FOLDER / "expectations.json").read_text())["cases"]
    for told in case["diagnostics"]
    if told.get("fix")
]
PROFILE = Path("p.yaml")


def mended(text: str | bytes, path: Path = PROFILE, **environ: str) -> Mended:
    raw = text if isinstance(text, bytes) else text.encode()
    return mend(Request(path, {"PATH": "", **environ}, release="0.32.0", text=raw))


def after(text: str, **environ: str) -> str:
    return mended(text, PROFILE, **environ).mended.decode()


def args(*lines: str) -> str:
    return "model: org/name\nvllm:\n  args:\n" + "".join(f"    {line}\n" for line in lines)


def errors(checked: Checked) -> set[tuple[object, ...]]:
    return {(d.code, d.key, d.message) for d in checked.diagnostics if d.severity is Severity.ERROR}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tensor-paralel-size: 2  # two", "tensor-parallel-size: 2  # two"),
        ("tensor_paralel_size: 2", "tensor_parallel_size: 2"),
        ("cuda-graph-sizes: 1 2 4", "cudagraph-capture-sizes: [1, 2, 4]"),
        ("cuda-graph-sizes: [1, 2]", "cudagraph-capture-sizes: [1, 2]"),
        ("tensor\u2013parallel\u2013size: 2", "tensor-parallel-size: 2"),
        ('enforce-eager: "false" # off', "enforce-eager: false # off"),
        ("no-enforce-eager: true", "enforce-eager: false"),
        ("no_enable_prefix_caching: false", "enable_prefix_caching: true"),
        ("gpu-memory-util: 0.5", "gpu-memory-utilization: 0.5"),
        ("gpu-memory-utilization: 90", "gpu-memory-utilization: 0.90"),
        ("gpu-memory-utilization: 92.5", "gpu-memory-utilization: 0.925"),
        ("gpu-memory-utilization: 90%", "gpu-memory-utilization: 0.9"),
        ("max-model-len: 32KiB", "max-model-len: 32K"),
        ("max-model-len: 32_768", "max-model-len: 32768"),
        ('max-num-seqs: "8"', "max-num-seqs: 8"),
        ('allowed-origins: "*"', 'allowed-origins: ["*"]'),
        ("served-model-name: no", 'served-model-name: "no"'),
        ("dtype: bflaot16", "dtype: bfloat16"),
        ("task: generate", "runner: generate"),
        ("task: embed", "task: embed"),  # two options say it now
        ("compilation-config: {cudagraphmode: NONE}", "compilation-config: {cudagraph_mode: NONE}"),
    ],
)
def test_what_is_certain_is_mended(line: str, expected: str) -> None:
    assert after(args(line)) == args(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("modle: m\n", "model: m\n"),
        ("Model: m\n", "model: m\n"),
        ("model:m\n", "model: m\n"),
        ("model: \u201corg/m\u201d # x\n", 'model: "org/m" # x\n'),
        ("model: m\nserver: {port: [8000]}\n", "model: m\nserver: {port: 8000}\n"),
        ('model: m\nserver: {port: "8000"}\n', "model: m\nserver: {port: 8000}\n"),
        ("model: m\nserver: {port: 8000#x\n}\n", "model: m\nserver: {port: 8000 #x\n}\n"),
        ("model: m\ngpus:\n  select: 0, 1\n", "model: m\ngpus:\n  select: [0, 1]\n"),
        ("model: m\ngpus:\n  select: [0, 1 # two\n", "model: m\ngpus:\n  select: [0, 1] # two\n"),
        ('model: "m\nserver: {port: 1}\n', 'model: "m"\nserver: {port: 1}\n'),
        ("model: m\nterminal: {enabled: no}\n", "model: m\nterminal: {enabled: false}\n"),
        ("model: {name: m, revision: 12}\n", 'model: {name: m, revision: "12"}\n'),
        ("model: &x m\n", "model: m\n"),
        ("model: m\nx-a: &x\n  b: 1\n", "model: m\nx-a:\n  b: 1\n"),
        ("model: m\nvllm: {version: 0.30}\n", 'model: m\nvllm: {version: "0.30"}\n'),
        ("model: m\nserver:\n\tport: 1\n\thost: a\n", "model: m\nserver:\n  port: 1\n  host: a\n"),
        ("model: ${env:NAME\n", "model: ${env:NAME}\n"),
        (
            "model: m\nsupervisor: {startup_timeout: 10 minutes}\n",
            "model: m\nsupervisor: {startup_timeout: 10m}\n",
        ),
        ("model: m\nvllm: {env: {VLLM_NO_USAGE_STATS: true}}\n",
         'model: m\nvllm: {env: {VLLM_NO_USAGE_STATS: "1"}}\n'),
    ],
)  # fmt: skip
def test_so_is_the_text_and_the_structure(text: str, expected: str) -> None:
    assert after(text, NAME="org/m") == expected


@pytest.mark.parametrize(
    "text",
    [
        args("tp-size: 2"),  # a guess, however good
        args("min-model-len: 2"),
        args("gpu-memory-utilization: 2"),
        args("max-model-len: 32kb"),  # 32000 or 32768
        args("kv-cache-dtype: fp9"),
        args("serve: x"),
        args("disable-log-requests: true"),  # to take a line out is not our business
        args("disable-cascade-attn: true"),
        args('allowed-origins: "a,b"'),
        args("port: 80"),
        "model: m\nserver: {port: 010}\n",  # ten or eight
        "model: m\nserver: {port: 1, port: 2}\n",
        "model: m\nengine: {dtype: auto}\n",
        "model: m\nserver:\n  port: 1\n\thost: ::1\n  workers: 1\n",  # how deep is a tab?
        "model: m\ngpus: {select: [0, 1,\nserver: {port: 1}\n",
        "model: 'm # x\nserver: {port: 1}\n",
        "model: m\nsupervisor: {startup_timeout: 10 months}\n",
    ],
)
def test_what_is_a_guess_is_not(text: str) -> None:
    found = mended(text)
    assert found.before.diagnostics
    assert (found.mended, found.fixed) == (found.raw, ())


def test_a_name_that_is_there_already_is_not_written_twice() -> None:
    text = args("tensor-paralel-size: 2", "tensor-parallel-size: 4")
    assert after(text) == text
    text = args("tensor-paralel-size: 2") + "inference: {tensor_parallel_size: 4}\n"
    assert after(text) == text


def test_a_text_that_an_alias_stands_for_is_mended_if_that_suits_all() -> None:
    text = (
        'x-a: &off "false"\nmodel: {name: m, served_name: *off}\n'
        "vllm: {args: {enforce-eager: *off}}\n"
    )
    assert after(text) == text
    alone = 'x-a: &off "false"\nmodel: m\nvllm: {args: {enforce-eager: *off}}\n'
    assert after(alone) == alone.replace('"false"', "false")


def test_what_is_filled_in_is_not_written_out() -> None:
    text = args("enforce-eager: ${env:EAGER}", "max-num-seqs: '${env:SEQS}'")
    found = mended(text, EAGER="maybe", SEQS="8")
    assert found.before.diagnostics
    assert all(d.fix is None for d in found.before.diagnostics)
    assert found.mended.decode() == text


def test_what_a_fix_brings_to_light_is_mended_too() -> None:
    text = "model: m\nsevrer:\n  prot: '8000'\n"
    found = mended(text)
    assert found.mended.decode() == "model: m\nserver:\n  port: 8000\n"
    assert [d.code for d in found.fixed] == ["MX100", "MX100", "MX110"]
    assert found.after.diagnostics == ()


def test_a_number_is_no_section() -> None:
    found = mended("model: m\nsupervisor:\n  restarts: 3\n")
    (told,) = found.after.diagnostics
    assert (found.fixed, told.code, told.fix) == ((), "MX100", None)
    assert "`supervisor.restart`: policy, max_restarts" in told.label
    assert after("modle: m\nsupervisor:\n  restrat: {max_restarts: 3}\n") == (
        "model: m\nsupervisor:\n  restart: {max_restarts: 3}\n"
    )


def test_text_that_is_no_yaml_in_the_end_is_left_alone() -> None:
    text = "model:m\nserver: {port: 1\ngpus: {select: [0}\n"
    assert after(text) == text


def test_every_byte_outside_an_edit_stays() -> None:
    raw = (
        b"\xef\xbb\xbf# caf\xc3\xa9 x\r\nmodle:   m  # keep\r\n\r\n"
        b"server:   {   prot:  8000   }   \n# end\rvllm: {args: {dtpye: auto}}"
    )
    expected = raw.replace(b"modle", b"model").replace(b"prot", b"port").replace(b"dtpye", b"dtype")
    assert mended(raw).mended == expected


def test_only_the_profile_itself_is_edited(tmp_path: Path) -> None:
    base, top = tmp_path / "base.yaml", tmp_path / "top.yaml"
    base.write_text("server: {prot: 1}\n")
    found = mended("extends: base.yaml\nmodle: m\n", top)
    assert found.mended == b"extends: base.yaml\nmodel: m\n"
    assert [d.code for d in found.after.diagnostics] == ["MX100"]
    assert base.read_text() == "server: {prot: 1}\n"


def test_the_diff_applies_and_shows_no_secret() -> None:
    text = "modle: m\nserver:\n  api_key: hunter2-hunter2\n  prot: 1"
    diff = mended(text).diff
    assert "-modle: m\n+model: m\n" in diff
    assert "+  port: 1\n\\ No newline at end of file\n" in diff
    assert "hunter2" not in diff
    assert mended("model: m\n").diff == ""


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_fixes_of_a_bad_profile_keep_their_promise(path: Path) -> None:
    keeps_its_promise(mend(Request(path, {"PATH": ""}, release="0.32.0")))


@pytest.mark.parametrize(("case", "told"), EXPECTED, ids=[case["name"] for case, _ in EXPECTED])
def test_the_expected_fix_is_offered(case: dict[str, Any], told: dict[str, Any]) -> None:
    environ = {"PATH": "", **case["context"].get("environ", {})}
    checked = check(Request(FOLDER / case["file"], environ, release=case["context"].get("vllm")))
    fixes = [d.fix for d in checked.diagnostics if d.code == told["code"] and d.fix is not None]
    wanted = told["fix"]
    for fix in fixes:
        assert fix.span.line == told["line"]
        assert fix.text == wanted.get("replace", wanted.get("insert", ""))
        if "after" in wanted:
            line = (FOLDER / case["file"]).read_text().splitlines()[fix.span.line - 1]
            assert line[: fix.span.column - 1].endswith(wanted["after"])
        if "delete_line" in wanted:
            assert (fix.span.column, fix.span.end_line) == (1, fix.span.line + 1)
            assert fix.applicability is Applicability.UNSAFE
    assert fixes


LINES = (
    "model: org/name", "modle: m", "model:m", "Model: m", "model: \u201cm\u201d",
    "server: {port: 8000}", "server: {prot: 1, port: 2}", "server:\n  port: '80' # p\n  hots: a",
    "sevrer:\n  - 1", "gpus: {select: 0}", "gpus:\n  select: [0, 1", "terminal: {enabled: no}",
    "inference: {max_model_len: 1_024, tensor-paralel-size: 2}", "x-a: &a {port: '1'}",
    "x-b: *a", "server: *a", "inference:\n\tdtype: half",
    "vllm:\n  args:\n    enforce-eager: 'true'\n    dtype: bflaot16\n    max-model-len: 8KiB",
    "vllm: {args: {gpu-memory-utilization: 90%, tensor-parallel-size: 2, tp-size: 1}}",
    "vllm:\n  env: {VLLM_USE_RUST_FRONTEND: true, VLLM_LOGGING_LEVLE: x}",
    "generation_defaults: {temprature: 0.5, top_k: '4'}", "# caf\u00e9", "",
)  # fmt: skip


@given(
    st.lists(st.sampled_from(LINES), min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.booleans(),
)
@settings(deadline=None, max_examples=150)
def test_fixes_of_any_profile_keep_their_promise(
    lines: list[str], end: str, bom: bool, closed: bool
) -> None:
    text = "\n".join(lines) + ("\n" if closed else "")
    keeps_its_promise(mended(("\ufeff" if bom else "") + text.replace("\n", end)))


def keeps_its_promise(found: Mended) -> None:
    path = found.request.path
    if not found.fixed:
        assert found.mended == found.raw
        return
    assert parse_profile(found.mended, path).root is not None
    assert mend_again(found).mended == found.mended
    _only_their_lines_change(found)
    fixed = {(d.code, d.key, d.message) for d in found.fixed}
    assert not fixed & {(d.code, d.key, d.message) for d in found.after.diagnostics}
    if parse_profile(found.raw, path).root is None:
        return  # the rest of the text was not looked at before
    renamed = {d.key[:-1] for d in found.fixed if d.code in ("MX100", "MX021", "MX200", "MX201")}
    for code, key, message in errors(found.after) - errors(found.before):
        below = {key[: len(at) + 1][:-1] for at in renamed if isinstance(key, tuple)}
        assert below & renamed, (code, key, message)


def mend_again(found: Mended) -> Mended:
    again = Request(found.request.path, found.request.environ, release="0.32.0", text=found.mended)
    return mend(again)


def _only_their_lines_change(found: Mended) -> None:
    before, after_ = found.raw.splitlines(keepends=True), found.mended.splitlines(keepends=True)
    assert len(before) == len(after_)
    touched = {d.fix.span.line for d in found.fixed if d.fix is not None}
    for number, (old, new) in enumerate(zip(before, after_, strict=True), start=1):
        assert old == new or number in touched
        assert (b"#" in old) <= (b"#" in new)


def test_a_guess_is_offered_as_one() -> None:
    (found,) = mended(args("tp-size: 2")).before.diagnostics
    assert found.fix is not None
    assert found.fix.applicability is Applicability.UNSAFE
    assert isinstance(found.origin, FileSpan)
