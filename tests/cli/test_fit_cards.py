"""`mixvllm fit` and `validate` on the cards of a machine, by a real NVML library that plays them.

Card 0 of the scenario has 56 of 79.6 GiB in use, card 1 is idle.
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mixvllm.testing.public_configs import PUBLIC
from mixvllm.testing.sparse_checkpoint import write_sparse
from tests.cli.running import mixvllm

if TYPE_CHECKING:
    from tests.gpu.nvml.double import Double

pytest_plugins = ["tests.gpu.nvml.double"]


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cards")
    write_sparse(folder / "m", PUBLIC["Qwen/Qwen3-8B"])
    path = folder / "p.yaml"
    path.write_text("model: ./m\n")
    return path


def fit(nvml: "Double", profile: Path, *words: str, **environ: str) -> dict[str, Any]:
    done = mixvllm("fit", profile, "--format", "json", *words, environ=nvml.environment() | environ)
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_idle_card_is_taken(nvml: "Double", profile: Path) -> None:
    found = fit(nvml, profile)
    assert (found["verdict"], found["ranks"][0]["card"]["place"]) == ("fits", "card 1")
    total = found["ranks"][0]["card"]["cuda_total_bytes"]
    assert total["low"] < 85520809984 - 548732928 < total["high"]


def test_a_card_in_use_is_refused_as_vllm_would(nvml: "Double", profile: Path) -> None:
    nvml.play("two-h100", f"0.compute={os.getpid()}:59592671232")
    found = fit(nvml, profile, CUDA_VISIBLE_DEVICES="0")
    assert found["verdict"] == "does_not_fit"
    assert [reason["cause"] for reason in found["reasons"]] == ["others"]
    less = found["suggestions"][0]
    assert less["changes"]["inference.gpu_memory_utilization"] == 0.29  # 23.1 of 79.1 GiB
    assert less["verdict"] == "fits"
    done = mixvllm(
        "validate", profile, "--format", "json",
        environ=nvml.environment() | {"CUDA_VISIBLE_DEVICES": "0"},
    )  # fmt: skip
    (checked,) = json.loads(done.stdout)["profiles"]
    (warned,) = (each for each in checked["diagnostics"] if each["code"] == "MX412")
    assert warned["severity"] == "warning"
    assert f"(pid {os.getpid()}) holds 55.5 GiB" in warned["hint"]


def test_cards_of_the_profile_in_its_order(nvml: "Double", profile: Path) -> None:
    words = ("--set", "gpus.select=[1, 0]", "--tp", "2")
    found = fit(nvml, profile, *words)
    assert [rank["card"]["place"] for rank in found["ranks"]] == ["card 1", "card 0"]
    assert {reason["rank"] for reason in found["reasons"]} == {1}


def test_without_a_driver_it_says_what_it_can(nvml: "Double", profile: Path) -> None:
    nvml.stop_playing()
    found = fit(nvml, profile)
    assert found["verdict"] == "cannot_tell"
    assert found["unknown"]
