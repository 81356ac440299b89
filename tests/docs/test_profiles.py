"""The profiles that are shipped: valid for the newest release, and each says what it needs."""

import json
import re
from pathlib import Path

import pytest

from mixvllm.core.diagnostic import Severity
from mixvllm.forecast.verdict import Verdict
from mixvllm.services.check import Request, check
from mixvllm.services.fit import fit
from mixvllm.services.render import command_of
from mixvllm.settings.sources import Override
from mixvllm.testing.bench import PROFILE
from mixvllm.testing.manual_page import ROOT
from mixvllm.testing.public_configs import PUBLIC
from mixvllm.testing.sparse_checkpoint import write_sparse
from mixvllm.vllm.options import newest

PROFILES = sorted((ROOT / "profiles").glob("*.yaml"))
# The hardware that each names: a machine that comes along, or, where none of these has such cards,
# so many L40S. The demo runs on a CPU.
HARDWARE: dict[str, str | int] = {
    "llama-2-70b-awq": 2,
    "llama-3.1-70b-awq-2x48gb": 2,
    "llama-3.1-8b-terminal": 1,
    "qwen3-235b-fp8-8xh100": "8xH100",
    "qwen3-8b-24gb": "2x3090",
    "qwen3-8b-24gb-fp8-kv": "2x3090",
    "qwen3-8b-team": "2x3090",
}
# Its memory by NVIDIA's library: vLLM's logs have 44.4 GiB, which is without the driver's part.
L40S = {"name": "NVIDIA L40S", "compute_capability": "8.9",
        "memory": {"total_bytes": round(44.99 * 2**30)}}  # fmt: skip
MODELS = {
    "qwen3-235b-fp8-8xh100": "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8",
    **dict.fromkeys(("qwen3-8b-24gb", "qwen3-8b-24gb-fp8-kv", "qwen3-8b-team"), "Qwen/Qwen3-8B"),
}
DOUBTFUL = {"llama-2-70b-awq.yaml": ["MX603", "MX701", "MX604", "MX605"]}


def environment_of(path: Path) -> dict[str, str]:
    """Whatever a profile asks of its environment, set."""
    needed = re.findall(r"\$\{env:(\w+):\?", path.read_text())
    return {"DEMO_MODEL": "an/example", **dict.fromkeys(needed, "something")}


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.name)
def test_a_profile_is_valid_and_can_be_rendered(path: Path) -> None:
    checked = check(Request(path, environment_of(path), release=newest()))
    found = [d.code for d in checked.diagnostics if d.severity is not Severity.INFO]
    assert found == DOUBTFUL.get(path.name, [])
    assert command_of(checked).argv[1:2] == ("serve",)


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.name)
def test_a_profile_names_its_hardware_in_the_comment_above_it(path: Path) -> None:
    above = path.read_text().partition("\nversion:")[0].partition("\nmodel:")[0]
    assert "# Hardware: " in above


def test_the_first_sketch_is_unchanged() -> None:
    text = (ROOT / "profiles" / "llama-2-70b-awq.yaml").read_text()
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith("#")]
    assert "".join(lines) == PROFILE


def host(name: str, folder: Path) -> Path:
    """The inventory of the hardware of a profile."""
    hardware = HARDWARE[name]
    if isinstance(hardware, str):
        return Path(hardware)
    cards = [{"index": index, **L40S} for index in range(hardware)]
    path = folder / "host.json"
    path.write_text(json.dumps({"format_version": 1, "gpus": cards}))
    return path


def test_every_profile_for_cards_has_a_machine_to_be_tried_on() -> None:
    assert {path.stem for path in PROFILES} - HARDWARE.keys() == {"demo"}


@pytest.mark.parametrize("name", HARDWARE)
def test_a_profile_has_no_error_on_its_hardware(name: str, tmp_path: Path) -> None:
    path = ROOT / "profiles" / f"{name}.yaml"
    request = Request(path, environment_of(path), release=newest(), host=host(name, tmp_path))
    checked = check(request)
    assert checked.facts.inventory is not None
    assert [d for d in checked.diagnostics if d.severity is Severity.ERROR] == []


@pytest.mark.parametrize("name", MODELS)
def test_a_profile_fits_on_its_hardware(name: str, tmp_path: Path) -> None:
    """By the headers of its model's weights, and without a word of doubt from `validate`."""
    path = ROOT / "profiles" / f"{name}.yaml"
    model = write_sparse(tmp_path / "model", PUBLIC[MODELS[name]])
    overrides = (Override("--model", "model.name", str(model)),)
    environ = environment_of(path)
    request = Request(path, environ, overrides, newest(), host=host(name, tmp_path))
    checked = check(request)
    assert [d for d in checked.diagnostics if d.severity is not Severity.INFO] == []
    assert fit(checked, environ).forecast.verdict is Verdict.FITS
