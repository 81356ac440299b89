"""The hook that other repositories use."""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from mixvllm.cli.commands import find
from mixvllm.testing.manual_page import ROOT
from mixvllm.testing.small_checkpoint import write_checkpoint
from tests.cli.running import mixvllm


def hook() -> dict[str, Any]:
    (only,) = YAML(typ="safe").load(ROOT / ".pre-commit-hooks.yaml")
    assert isinstance(only, dict)
    return only


def test_the_hook_has_what_pre_commit_asks_for() -> None:
    described = hook()
    assert {"id", "name", "entry", "language"} <= set(described)
    assert described["language"] == "python"
    program, command = described["entry"].split()
    assert program == "mixvllm"
    assert find(command) is not None
    assert f"`{described['id']}`" in (ROOT / "docs" / "ci.md").read_text()


def test_it_looks_at_profiles_and_at_nothing_else() -> None:
    files = re.compile(hook()["files"])
    assert all(map(files.search, ("profiles/a.yaml", "deploy/profiles/b/c.yml")))
    assert not any(map(files.search, ("docs/a.yaml", "my-profiles/a.yaml", ".github/ci.yml")))
    assert hook()["types"] == ["yaml"]


def test_it_passes_on_the_profiles_that_are_shipped(tmp_path: Path) -> None:
    environ = {"DEMO_MODEL": str(write_checkpoint(tmp_path / "model"))}
    profiles = sorted((ROOT / "profiles").glob("*.yaml"))
    assert mixvllm(*hook()["entry"].split()[1:], *profiles, environ=environ).returncode == 0
