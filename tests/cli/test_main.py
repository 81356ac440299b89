"""Dispatch, help, and how commands end."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import mixvllm as package
from mixvllm.cli.commands import COMMANDS
from tests.cli.running import mixvllm


def test_version() -> None:
    ran = mixvllm("--version")
    assert (ran.returncode, ran.stdout) == (0, f"mixvllm {package.__version__}\n")


def test_help_lists_every_command() -> None:
    ran = mixvllm("--help")
    assert ran.returncode == 0
    for command in COMMANDS:
        assert f"  {command.name} " in ran.stdout
        assert command.summary in ran.stdout
    assert max(map(len, ran.stdout.splitlines())) <= 80


def test_no_command_is_wrong_usage() -> None:
    ran = mixvllm()
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "Usage" in ran.stderr


def test_a_misspelt_command_is_suggested() -> None:
    ran = mixvllm("valdate", "x")
    assert ran.returncode == 2
    assert "did you mean `mixvllm validate`?" in ran.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_every_entry_of_the_table_leads_to_a_function(command: object) -> None:
    module = importlib.import_module(command.module)  # type: ignore[attr-defined]
    assert getattr(module, command.function).__doc__  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", [c.name for c in COMMANDS])
def test_every_command_has_help_and_refuses_unknown_options(command: str) -> None:
    ran = mixvllm(command, "--help")
    assert ran.returncode == 0, ran.stderr
    assert f"Usage: mixvllm {command}" in ran.stdout
    wrong = mixvllm(command, "--no-such-option")
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr
    assert f"see `mixvllm {command} --help`" in wrong.stderr


def test_json_is_one_document_even_for_wrong_usage() -> None:
    ran = mixvllm("validate", "--format", "json", "--nope")
    assert ran.returncode == 2
    assert json.loads(ran.stdout)["error"]["exit_code"] == 2


def test_a_bug_of_ours_is_a_sentence_and_not_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import mixvllm.services.check as c\n"
        "def broken(request): raise ZeroDivisionError\n"
        "c.check = broken\n"
    )
    profile = tmp_path / "p.yaml"
    profile.write_text("model: m\n")
    environ = {"PYTHONPATH": f"{tmp_path}:{Path(package.__file__).parents[1]}"}
    ran = mixvllm("render-cmd", profile, environ=environ)
    assert ran.returncode == 70
    assert "bug in mixvllm: ZeroDivisionError at sitecustomize.py:2" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert (
        "Traceback"
        in mixvllm("render-cmd", profile, environ=environ | {"MIXVLLM_DEBUG": "1"}).stderr
    )


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    profile = tmp_path / "p.yaml"
    profile.write_text("".join(f"key{i}: 1\n" for i in range(3000)))
    command = f"{sys.executable} -m mixvllm validate {profile} | head -1; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in ran.stderr
    assert "BrokenPipe" not in ran.stderr
    assert ran.stdout.startswith("error[MX")


def imported(*words: str) -> set[str]:
    """The top-level packages that a command loads."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mixvllm", *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    names = [line.rsplit("|", 1)[1].strip() for line in ran.stderr.splitlines() if "|" in line]
    return {name.split(".")[0] for name in names} | {n for n in names if n.startswith("mixvllm.")}


def test_help_and_version_load_next_to_nothing() -> None:
    heavy = {
        "typer",
        "pydantic",
        "pydantic_settings",
        "rich",
        "ruamel",
        "tornado",
        "asyncio",
        "json",
    }
    for word in ("--help", "--version"):
        assert not imported(word) & heavy


def test_checking_loads_neither_panes_nor_servers(tmp_path: Path) -> None:
    profile = tmp_path / "p.yaml"
    profile.write_text("model: m\n")
    heavy = {"rich", "tornado", "psutil", "pynvml", "prometheus_client", "ssl", "asyncio"}
    for command in ("validate", "render-cmd"):
        loaded = imported(command, str(profile))
        assert "ruamel" in loaded
        assert not loaded & (heavy | {"pydantic", "typer"})
        assert not {name for name in loaded if name.startswith(("mixvllm.engine", "mixvllm.panes"))}
