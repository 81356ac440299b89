"""The profiles that are shipped: valid for the newest release, and each says what it needs."""

import re
from pathlib import Path

import pytest

from mixvllm.core.diagnostic import Severity
from mixvllm.services.check import Request, check
from mixvllm.services.render import command_of
from mixvllm.testing.bench import PROFILE
from mixvllm.testing.manual_page import ROOT
from mixvllm.vllm.options import newest

PROFILES = sorted((ROOT / "profiles").glob("*.yaml"))
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
