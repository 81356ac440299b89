"""`mixvllm upgrade`, as its user has it."""

import json
from pathlib import Path

import pytest

from tests.cli.running import mixvllm

_BARE = {"PATH": "/usr/bin:/bin"}
_OLD = "model: m\nvllm:\n  version: 0.17.1\n  args:\n    swap-space: 8  # GiB\n    seed: 1\n"
_NEW = "model: m\nvllm:\n  version: 0.33.0\n  args:\n    seed: 1\n"


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "p.yaml"
    path.write_text(_OLD)
    return path


def test_it_tells_and_writes_nothing(profile: Path) -> None:
    done = mixvllm("upgrade", profile, "--to", "0.33", environ=_BARE)
    assert done.returncode == 0, done.stderr
    assert "swap-space` was removed in 0.18.0" in done.stdout
    assert "gpu-memory-utilization 0.9 -> 0.92, since 0.20.2" in done.stdout
    assert "to keep it as it was: gpu-memory-utilization: 0.9" in done.stdout
    assert "-    swap-space: 8  # GiB\n" in done.stdout
    assert "`--write` makes these edits" in done.stdout
    assert profile.read_text() == _OLD


def test_it_writes_when_it_is_told_to(profile: Path) -> None:
    profile.chmod(0o640)
    done = mixvllm("upgrade", profile, "--to", "0.33", "--write", environ=_BARE)
    assert (done.returncode, profile.read_text()) == (0, _NEW)
    assert profile.stat().st_mode & 0o777 == 0o640
    assert f"{profile} was written" in done.stdout
    again = mixvllm("upgrade", profile, "--to", "0.33", "--write", environ=_BARE)
    assert f"nothing changes for {profile}" in again.stdout
    assert profile.read_text() == _NEW


def test_a_diff_is_all_that_goes_to_standard_output(profile: Path) -> None:
    done = mixvllm("upgrade", profile, "--to", "0.33", "--diff", environ=_BARE)
    assert done.stdout.startswith(f"--- {profile}\n")
    assert done.stdout.endswith("     seed: 1\n")
    assert "new defaults" in done.stderr


def test_json_is_one_document(profile: Path) -> None:
    done = mixvllm("upgrade", profile, "--to", "0.33", "--format", "json", environ=_BARE)
    made = json.loads(done.stdout)
    assert (made["from"], made["to"], made["valid"]) == ("0.17.1", "0.33.0", True)
    removed, *defaults = made["changes"]
    assert (removed["kind"], removed["edit"], removed["origin"]["line"]) == (
        "removed", "taken out", 5,
    )  # fmt: skip
    assert {change["kind"] for change in defaults} == {"default"}
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--to", "9.9"), 3, "no option table for vLLM 9.9"),
        (("--to", "0.33", "--from", "9.9"), 3, "no option table for vLLM 9.9"),
        (("--to", ""), 3, "names no release"),
        (("--to", "0.16"), 2, "is older than 0.17.1"),
        (("--to", "0.33", "--write", "--diff"), 2, "do not go together"),
        ((), 2, "missing option '--to'"),
    ],
)
def test_what_cannot_be_done_is_said(
    profile: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = mixvllm("upgrade", profile, *words, environ=_BARE)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_errors_that_are_left_end_it_with_1(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("model: m\nvllm:\n  env:\n    VLLM_SLEEP_WHEN_IDLE: 1\n")
    done = mixvllm("upgrade", path, "--from", "0.17", "--to", "0.33", "--write", environ=_BARE)
    assert done.returncode == 1
    assert "by hand: take it out" in done.stdout
    assert f"{path} needs no edit" in done.stdout
    assert "1 error is left for vLLM 0.33.0" in done.stdout


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = mixvllm("upgrade", tmp_path / "no.yaml", "--to", "0.33", environ=_BARE)
    assert (done.returncode, done.stdout) == (3, "")
    assert "there is no file" in done.stderr


def test_settings_of_this_shell_are_not_the_profiles(profile: Path) -> None:
    environ = {**_BARE, "MIXVLLM_VLLM__VERSION": "0.30.0", "MIXVLLM_NONSENSE": "1"}
    done = mixvllm("upgrade", profile, "--to", "0.33", environ=environ)
    assert "from vLLM 0.17.1 to 0.33.0" in done.stdout
    assert done.returncode == 0
