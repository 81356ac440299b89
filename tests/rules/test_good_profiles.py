"""The good profiles: published commands of `vllm serve` as profiles, and those that are shipped."""

import re
from pathlib import Path

import pytest

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.services.check import Request, check
from mixvllm.testing.small_checkpoint import write_checkpoint
from mixvllm.vllm.options import newest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "data" / "good_profiles"
GOOD = sorted(FOLDER.glob("*.yaml"))
SHIPPED = sorted((ROOT / "profiles").glob("*.yaml"))
AWAY = "MX800"  # the commands are run in vLLM's repository, whose templates are not here
LEFT = {"MX210", "MX211", "MX214", "MX220", "MX301"}  # what later releases no longer have


def doubts(path: Path, release: str | None, **variables: str) -> list[Diagnostic]:
    environ = {"PATH": "", "HOME": "/nonexistent", **variables}
    found = check(Request(path, environ, release=release)).diagnostics
    return [d for d in found if d.severity is not Severity.INFO and d.code != AWAY]


def declared(path: Path) -> list[str]:
    """What a file says of itself: `# expect: MX603 warning`."""
    return sorted(re.findall(r"^# expect: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_profile_passes_for_its_release(path: Path) -> None:
    found = sorted(f"{d.code} {d.severity.value}" for d in doubts(path, None))
    assert found == declared(path)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_and_for_the_newest_but_for_what_it_lost(path: Path) -> None:
    found = {f"{d.code} {d.severity.value}" for d in doubts(path, newest()) if d.code not in LEFT}
    assert found == set(declared(path))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_profile_has_no_error(path: Path, tmp_path: Path) -> None:
    model = str(write_checkpoint(tmp_path / "model"))
    found = doubts(path, newest(), DEMO_MODEL=model)
    assert [d for d in found if d.severity is Severity.ERROR] == []


def test_there_are_many() -> None:
    assert len(GOOD) + len(SHIPPED) > 150
