"""`mixvllm fit` as its user has it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mixvllm.services.schema.fit import fit_schema
from mixvllm.testing.manual_page import ROOT
from mixvllm.testing.public_configs import PUBLIC
from mixvllm.testing.sparse_checkpoint import write_header, write_sparse
from tests.cli.running import mixvllm
from tests.services.hub_server import serving

GIB = 2**30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, of 15 and of 131 GiB, and machines with one and with four cards."""
    folder = tmp_path_factory.mktemp("fit")
    write_sparse(folder / "small", PUBLIC["Qwen/Qwen3-8B"])
    write_sparse(folder / "large", PUBLIC["meta-llama/Llama-3.3-70B-Instruct"])
    for count in (1, 4):
        gpus = [
            {
                "index": index,
                "name": "NVIDIA H100 80GB HBM3",
                "compute_capability": "9.0",
                "memory": {"total_bytes": 85520809984, "reserved_bytes": 548732928},
            }
            for index in range(count)
        ]
        (folder / f"{count}.json").write_text(json.dumps({"format_version": 1, "gpus": gpus}))
    (folder / "small.yaml").write_text("model: ./small\n")
    (folder / "large.yaml").write_text("model: ./large\n")
    return folder


def fit(folder: Path, *words: str, code: int = 0) -> dict[str, Any]:
    done = mixvllm("fit", *words, "--format", "json", cwd=folder)
    assert done.returncode == code, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    if "error" not in document:
        jsonschema.validate(document, fit_schema())
    return document


def write_config(folder: Path, config: Mapping[str, object]) -> None:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))


def test_it_fits(folder: Path) -> None:
    done = mixvllm("fit", "small.yaml", "--host", "1.json", cwd=folder, environ={"COLUMNS": "100"})
    assert (done.returncode, done.stderr) == (0, "")
    first = done.stdout.splitlines()[0]
    assert first.startswith("small on 1 card of 79.6 GiB (NVIDIA H100 80GB HBM3), vLLM ")
    assert first.endswith("   fits")
    assert "from the headers of 4 files" in done.stdout
    document = fit(folder, "small.yaml", "--host", "1.json")
    assert document["verdict"] == "fits"
    assert document["kv_tokens"] == document["kv_tokens_range"]["low"]
    (rank,) = document["ranks"]
    left = rank["requested_bytes"]["low"] - rank["weights_bytes"] - rank["overhead_bytes"]["high"]
    assert rank["kv_bytes"] == left


def test_it_does_not_fit_and_says_what_would_help(folder: Path) -> None:
    document = fit(folder, "large.yaml", "--host", "4.json", code=1)
    assert document["verdict"] == "does_not_fit"
    assert [reason["cause"] for reason in document["reasons"]] == ["weights"]
    best = document["suggestions"][0]
    assert best["changes"] == {"inference.tensor_parallel_size": 4}
    changed = fit(folder, "large.yaml", "--host", "4.json", "--tp", "4")
    assert changed["verdict"] == best["verdict"] == "fits"
    assert changed["kv_tokens"] == best["kv_tokens"]
    assert len(changed["ranks"]) == 4


def test_the_same_words_with_and_without_the_parser(folder: Path) -> None:
    plain = fit(folder, "small.yaml", "--host", "1.json", "--vllm", "0.12.0")
    typed = fit(folder, "small.yaml", "--host", "1.json", "--vllm", "0.12.0", "--set", "version=1")
    assert plain == typed
    assert plain["vllm"] == "0.12.0"
    assert plain["gpu_memory_utilization"] == 0.9


def test_without_a_card_it_says_what_can_be_said(folder: Path) -> None:
    document = fit(folder, "small.yaml")
    assert document["verdict"] == "cannot_tell"
    assert document["ranks"][0]["weights_bytes"] > 15 * GIB
    assert document["ranks"][0]["kv_bytes_per_token"] == 147456
    assert document["unknown"]
    assert {each["kind"] for each in document["suggestions"]} == {"cards"}


def test_given_bytes_need_a_configuration_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    config = json.dumps(PUBLIC["Qwen/Qwen3-8B"])
    (tmp_path / "m" / "config.json").write_text(config)
    (tmp_path / "p.yaml").write_text(
        f"model: ./m\nvllm:\n  args:\n    kv-cache-memory-bytes: {18 * GIB}\n"
    )
    document = fit(tmp_path, "p.yaml", code=1)  # the folder lacks the weights
    assert document["kv_tokens"] == 18 * GIB // 147456 // 16 * 16
    assert {each["code"] for each in document["diagnostics"]} == {"MX708"}


def test_a_model_that_is_not_at_hand(tmp_path: Path) -> None:
    (tmp_path / "hub.yaml").write_text("model: nobody/nothing\n")
    done = mixvllm("fit", "hub.yaml", cwd=tmp_path, environ={"HF_HOME": str(tmp_path)})
    assert done.returncode == 3
    assert "--online" in done.stderr
    (tmp_path / "here.yaml").write_text("model: ./nothing\n")
    document = fit(tmp_path, "here.yaml", code=3)
    assert "config.json" in document["error"]["message"]


def test_a_profile_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("- 1\n")
    done = mixvllm("fit", "p.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "error[MX" in done.stderr


def test_a_release_before_all_whose_options_are_known(tmp_path: Path) -> None:
    """A log of gemma-3-27b with 0.11.0 says 205,696 tokens."""
    write_config(tmp_path / "gemma", PUBLIC["google/gemma-3-27b-it"])
    (tmp_path / "p.yaml").write_text(
        "model: ./gemma\ninference: {max_model_len: 4096}\nvllm:\n  args:\n"
        f"    kv-cache-memory-bytes: {int(109.86 * GIB)}\n    max-num-batched-tokens: 8192\n"
    )
    document = fit(tmp_path, "p.yaml", "--vllm", "0.11.0rc2", code=1)
    assert (document["vllm"], document["kv_tokens"]) == ("0.11.0", 205696)
    assert document["max_concurrency"] == 50.05
    assert fit(tmp_path, "p.yaml", "--vllm", "0.9.2", code=1)["kv_tokens"] is None
    assert "0.5.4" in fit(tmp_path, "p.yaml", "--vllm", "0.5.4", code=3)["error"]["message"]
    done = mixvllm("validate", "p.yaml", "--vllm", "0.11.0", cwd=tmp_path)
    assert done.returncode == 3


def test_weight_files_without_a_tensor_do_not_fit_into_anything(folder: Path) -> None:
    write_config(folder / "hollow", PUBLIC["Qwen/Qwen3-8B"])
    write_header(folder / "hollow" / "model.safetensors", [])
    (folder / "hollow.yaml").write_text("model: ./hollow\n")
    document = fit(folder, "hollow.yaml", "--host", "1.json")
    assert document["verdict"] == "cannot_tell"
    assert document["unknown"] == ["the weights: the weight files hold no tensors"]


def test_a_part_of_a_model_is_not_taken_for_the_whole(folder: Path) -> None:
    """Of a download that broke off the index tells the rest; without it nothing does."""
    half = folder / "hub" / "hub" / "models--org--half"
    snapshot = half / "snapshots" / "0"
    write_sparse(snapshot, PUBLIC["Qwen/Qwen3-8B"])
    (half / "refs").mkdir()
    (half / "refs" / "main").write_text("0")
    (snapshot / "model-00002-of-00004.safetensors").unlink()
    (folder / "half.yaml").write_text("model: org/half\n")
    environ = {"HF_HOME": str(folder / "hub")}
    words = ("fit", "half.yaml", "--host", "1.json", "--format", "json")
    (rank,) = json.loads(mixvllm(*words, cwd=folder, environ=environ).stdout)["ranks"]
    assert rank["weights_bytes"] == pytest.approx(15.26 * GIB, rel=0.01)
    (snapshot / "model.safetensors.index.json").unlink()
    document = json.loads(mixvllm(*words, cwd=folder, environ=environ).stdout)
    assert document["verdict"] == "cannot_tell"
    assert "model-00002-of-00004.safetensors is not there" in document["unknown"][0]


def test_narrow_and_plain(folder: Path) -> None:
    done = mixvllm("fit", "large.yaml", "--host", "4.json", cwd=folder, environ={"COLUMNS": "60"})
    assert max(map(len, done.stdout.splitlines()[1:])) <= 60
    assert "\x1b" not in done.stdout


def test_a_name_cannot_steer_the_terminal(tmp_path: Path) -> None:
    folder = write_sparse(tmp_path / "a\x1b[2Jb", PUBLIC["Qwen/Qwen3-0.6B"])
    profile = tmp_path / "p.yaml"
    profile.write_text(json.dumps({"model": f"./{folder.name}"}))
    done = mixvllm("fit", profile)
    assert "\x1b" not in done.stdout + done.stderr


def test_the_published_schema_is_the_one_that_is_tested() -> None:
    published = json.loads((ROOT / "docs" / "fit.schema.json").read_text())
    assert published == fit_schema()
    jsonschema.Draft202012Validator.check_schema(published)


def test_online_a_model_that_is_not_here_is_read_from_the_hub(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="the extra `hub` is not installed")
    write_sparse(tmp_path / "hub" / "Qwen--Qwen3-8B-FP8", PUBLIC["Qwen/Qwen3-8B-FP8"])
    (tmp_path / "p.yaml").write_text("model: Qwen/Qwen3-8B-FP8\n")
    with serving(tmp_path / "hub") as hub:
        environ = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
        done = mixvllm(
            "fit", "p.yaml", "--online", "--format", "json", cwd=tmp_path, environ=environ
        )
    document = json.loads(done.stdout)
    assert (done.returncode, document["verdict"]) == (0, "cannot_tell"), done.stderr
    (rank,) = document["ranks"]
    assert rank["weights_bytes"] == pytest.approx(8.8 * GIB, rel=0.01)
