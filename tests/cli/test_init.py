"""`mixvllm init` on machines of every kind: what it writes is valid, and nothing is invented."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

from tests.cli.running import mixvllm

if TYPE_CHECKING:
    from tests.gpu.nvml.double import Double

pytest_plugins = ["tests.gpu.nvml.double"]

_CONFIG = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 40960,
    "torch_dtype": "bfloat16",
}
_CARD = """\
{i}.name={name}
{i}.cc=9.0
{i}.memory_total={memory}
{i}.memory_used=0
{i}.memory_reserved=0
{i}.uuid=GPU-00000000-0000-0000-0000-00000000000{i}
{i}.bus=00000000:1{i}:00.0
{i}.mig=0
{i}.ecc_uncorrected=0
{i}.rows_pending=0
{i}.rows_failed=0
{i}.graphics=
{i}.compute=
{i}.temperature=30
{i}.util_gpu=0
{i}.util_memory=0
{i}.power_mw=70000
{i}.power_limit_mw=700000
"""
GIB = 2**30


def cards(*kinds: tuple[str, int]) -> str:
    head = f"driver=580.95.05\nnvml=13.580.95.05\ncuda=13000\ngpus={len(kinds)}\n"
    return head + "".join(
        _CARD.format(i=i, name=name, memory=memory * GIB) for i, (name, memory) in enumerate(kinds)
    )


def model(folder: Path, **changes: object) -> Path:
    """A model's folder with a configuration alone."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(_CONFIG | changes))
    return folder


def drafted(
    *words: str | Path, environ: Mapping[str, str] | None = None, cwd: Path | None = None
) -> str:
    ran = mixvllm("init", *words, environ=environ, cwd=cwd)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def on_cards(nvml: "Double", *words: str | Path) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "mixvllm", "init", *map(str, words)],
        env=nvml.environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def read(text: str) -> dict[str, dict[str, object]]:
    loaded = YAML(typ="safe", pure=True).load(text)
    assert isinstance(loaded, dict)
    return loaded


def passes(text: str, folder: Path) -> None:
    """`validate` finds no error of the text itself; of this machine it may say what it likes."""
    ran = mixvllm("validate", "-", "--format", "json", stdin=text, cwd=folder)
    (told,) = json.loads(ran.stdout)["profiles"]
    errors = [d for d in told["diagnostics"] if d["severity"] == "error"]
    assert [d["code"] for d in errors if d["code"][:3] not in ("MX4", "MX7", "MX8")] == []


def test_a_model_that_is_not_here_gets_nothing_invented(tmp_path: Path) -> None:
    text = drafted("Qwen/Qwen3-8B", environ={"HF_HOME": str(tmp_path)})
    assert text.startswith("# yaml-language-server: $schema=mixvllm.schema.json\n")
    assert "`mixvllm schema --output mixvllm.schema.json` writes it" in text
    told = read(text)
    assert told["model"] == {"name": "Qwen/Qwen3-8B"}
    assert told["server"] == {"host": "127.0.0.1", "port": 8000}
    assert "inference" not in told
    assert "gpus" not in told
    passes(text, tmp_path)


def test_a_folder_is_read(tmp_path: Path) -> None:
    text = drafted(model(tmp_path / "qwen"))
    told = read(text)
    assert told["model"] == {"name": str(tmp_path / "qwen"), "served_name": "qwen"}
    assert told["inference"] == {"dtype": "bfloat16", "max_model_len": 40960}
    passes(text, tmp_path)


def test_the_cache_of_the_hub_is_read(tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "models--Qwen--Qwen3-8B"
    model(repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    told = read(drafted("Qwen/Qwen3-8B", environ={"HF_HOME": str(tmp_path)}))
    assert told["model"] == {"name": "Qwen/Qwen3-8B"}
    assert told["inference"] == {"dtype": "bfloat16", "max_model_len": 40960}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"torch_dtype": "float32"}, {"max_model_len": 40960}),
        ({"torch_dtype": 7, "max_position_embeddings": "many"}, None),
        ({"quantization_config": {"quant_method": "awq"}}, {"max_model_len": 40960}),
        ({"dtype": "float16"}, {"dtype": "float16", "max_model_len": 40960}),
    ],
)
def test_of_the_configuration_only_what_is_sure(
    tmp_path: Path, changes: dict[str, object], expected: dict[str, object] | None
) -> None:
    assert read(drafted(model(tmp_path / "m", **changes))).get("inference") == expected


@pytest.mark.parametrize("raw", ["", "{", "[]", "null", '{"num_attention_heads": -1}'])
def test_a_broken_configuration_is_no_configuration(tmp_path: Path, raw: str) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text(raw)
    text = drafted(tmp_path / "m")
    assert "inference" not in read(text)
    passes(text, tmp_path)


def test_code_of_the_models_own_is_never_switched_on(tmp_path: Path) -> None:
    text = drafted(model(tmp_path / "m", auto_map={"AutoModel": "m.M"}))
    assert "\n  # trust_remote_code: true  # " in text
    assert "trust_remote_code" not in read(text)["model"]


H100 = ("NVIDIA H100 80GB HBM3", 80)


@pytest.mark.parametrize(
    ("kinds", "heads", "size", "select"),
    [
        ((H100,), 32, None, None),
        ((H100, H100), 32, 2, None),
        ((H100,) * 8, 32, 8, None),
        ((H100,) * 8, 28, 7, [0, 1, 2, 3, 4, 5, 6]),
        ((H100, H100), 15, None, [0]),
        ((("NVIDIA T4", 16), H100, H100), 32, 2, [1, 2]),
        ((("NVIDIA T4", 16), H100), 32, None, [1]),
    ],
)
def test_equal_cards_share_the_heads(
    nvml: "Double",
    tmp_path: Path,
    kinds: tuple[tuple[str, int], ...],
    heads: int,
    size: int | None,
    select: list[int] | None,
) -> None:
    nvml.play_text(cards(*kinds))
    text = on_cards(nvml, model(tmp_path / "m", num_attention_heads=heads))
    told = read(text)
    assert told["inference"].get("tensor_parallel_size") == size
    assert told.get("gpus") == (None if select is None else {"select": select})
    assert f"{kinds.count(H100)} x NVIDIA H100 80GB HBM3" in text
    passes(text, tmp_path)


def test_heads_that_are_not_known_leave_the_number_of_cards_open(nvml: "Double") -> None:
    nvml.play_text(cards(H100, H100))
    text = on_cards(nvml, "org/none-such")
    assert "inference" not in read(text)
    assert "#   tensor_parallel_size: 2  # equal cards; it must divide the attention heads" in text


def test_sick_cards_and_those_split_by_mig_are_left_out(nvml: "Double", tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    nvml.play_text(cards(H100, H100, H100) + "1.rows_failed=1\n")
    text = on_cards(nvml, folder)
    assert read(text)["gpus"] == {"select": [0, 2]}
    assert "; not well: card 1." in " ".join(text.replace("#", " ").split())
    nvml.play_text(cards(H100) + "0.mig=1\n")
    text = on_cards(nvml, folder)
    assert "a card is split by MIG: name an instance of it in gpus.select" in text
    assert not {"gpus"} & set(read(text))
    passes(text, tmp_path)


def test_an_old_card_gets_no_bfloat16(nvml: "Double", tmp_path: Path) -> None:
    nvml.play_text(cards(("NVIDIA T4", 16)) + "0.cc=7.5\n")
    text = on_cards(nvml, model(tmp_path / "m"))
    assert "dtype" not in read(text)["inference"]
    assert "# dtype: float16  # the checkpoint is bfloat16, which these cards cannot" in text


@pytest.mark.parametrize(
    "name",
    ["a b: c", "true", "1.0", "1e3", "#x", "'q'", '"q"', "模型/名", "null", "@x", "0x1F",
     "a # b", "{a}", "%x", "x:", "8000", "Off", "=", "a\\b", "s3://bucket/model"],
)  # fmt: skip
def test_an_odd_name_arrives_as_it_is(name: str, tmp_path: Path) -> None:
    text = drafted("--", name, environ={"HF_HOME": str(tmp_path)}, cwd=tmp_path)
    assert read(text)["model"]["name"] == name
    passes(text, tmp_path)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b[2J", "${env:HOME}", "- x"])
def test_what_is_no_name_is_refused(name: str) -> None:
    ran = mixvllm("init", "--", name)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "\x1b" not in ran.stderr


def test_a_folder_keeps_its_way_from_the_profile(tmp_path: Path) -> None:
    model(tmp_path / "models" / "my model")
    (tmp_path / "profiles").mkdir()
    ran = mixvllm(
        "init", "models/my model", "--output", "profiles/p.yaml", "--vllm", "0.32", cwd=tmp_path
    )
    assert (ran.returncode, ran.stdout) == (0, "")
    text = (tmp_path / "profiles" / "p.yaml").read_text()
    assert read(text)["model"] == {"name": "../models/my model", "served_name": "my model"}
    assert read(text)["vllm"] == {"version": "0.32.0"}
    assert mixvllm("validate", tmp_path / "profiles" / "p.yaml").stderr == ""
    assert read(drafted("./models/my model", cwd=tmp_path))["model"]["name"] == "./models/my model"
    ran = mixvllm("init", "./nowhere", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (3, "")


def test_a_file_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("mine\n")
    ran = mixvllm("init", "m", "--output", path)
    assert (ran.returncode, path.read_text()) == (3, "mine\n")
    assert "--force writes over it" in ran.stderr
    assert mixvllm("init", "m", "--output", path, "--force").returncode == 0
    assert read(path.read_text())["model"] == {"name": "m"}
    for place in (tmp_path, tmp_path / "none" / "p.yaml", path / "p.yaml"):
        assert mixvllm("init", "m", "--output", place).returncode == 3
    assert [item.name for item in tmp_path.iterdir()] == ["p.yaml"]


def test_a_new_file_has_the_mode_that_the_user_wants(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        assert mixvllm("init", "m", "--output", tmp_path / "p.yaml").returncode == 0
    finally:
        os.umask(before)
    assert (tmp_path / "p.yaml").stat().st_mode & 0o777 == 0o640


def test_an_unknown_release_names_the_nearest() -> None:
    ran = mixvllm("init", "m", "--vllm", "9.9")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "nearest release" in ran.stderr


@pytest.mark.parametrize("dtype", [[], {"a": 1}, [None, "\x1b[31m"], 1, "\x1b[31m"])
def test_a_type_that_is_none_is_left_out(tmp_path: Path, dtype: object) -> None:
    text = drafted(model(tmp_path / "m", torch_dtype=dtype))
    assert "dtype" not in text


def test_a_folder_behind_a_link_cannot_steer_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "m").symlink_to(model(tmp_path / "\x9b31m\u202e").name)
    text = drafted("./m", cwd=tmp_path)
    assert 'served_name: "\\u009b31m\\u202e"' in text
