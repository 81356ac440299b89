"""Streams that are closed, full, unread, or without our letters."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

MIXVLLM = f"{shlex.quote(sys.executable)} -m mixvllm"


def shell(line: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run a line of bash; its exit code is that of the first word of a pipe."""
    return subprocess.run(
        ["bash", "-c", f"{line}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **environ},
    )  # fmt: skip


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.yaml"
    path.write_text("model: m\n")
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text("m\u00f6del: m\n")
    return path


def test_a_closed_stdout_changes_nothing_but_the_output(good: Path, bad: Path) -> None:
    assert shell(f"{MIXVLLM} validate {good} >&-").returncode == 0
    ran = shell(f"{MIXVLLM} validate {bad} >&-")
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", "")
    assert shell(f"{MIXVLLM} --help >&-").returncode == 0


def test_with_stderr_closed_stdout_is_still_only_the_result(bad: Path) -> None:
    ran = shell(f"{MIXVLLM} render-cmd {bad} --format json 2>&-")
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["error"]["exit_code"] == 1


def test_a_closed_stdin_is_an_empty_profile() -> None:
    ran = shell(f"{MIXVLLM} validate - <&-")
    assert ran.returncode == 1
    assert "MX018" in ran.stdout


@pytest.mark.parametrize("words", ["--help", "validate {}", "render-cmd {} --format json", "gpus"])
def test_a_full_disk_under_the_output_is_a_sentence(words: str, good: Path) -> None:
    ran = shell(f"{MIXVLLM} {words.format(good)} > /dev/full")
    assert "Traceback" not in ran.stderr
    if words != "gpus":  # which may have had nothing to say on stdout
        assert ran.returncode == 3
        assert "the output cannot be written: No space left on device" in ran.stderr


@pytest.mark.parametrize("words", ["--help", "render-cmd {}"])
def test_a_reader_that_has_gone_is_no_failure(words: str, good: Path) -> None:
    ran = shell(f"{MIXVLLM} {words.format(good)} | true")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_letters_that_the_terminal_lacks_are_written_out(bad: Path) -> None:
    ran = shell(f"{MIXVLLM} validate {bad}", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert ran.returncode == 1
    assert "m\\xf6del" in ran.stdout


def test_a_file_name_cannot_steer_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b]0;owned\x07.yaml"
    path.write_text("model: m\n")
    for target in (path, tmp_path / "none\x1b[31m.yaml"):
        ran = subprocess.run(
            [sys.executable, "-m", "mixvllm", "validate", str(target)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "\x1b" not in ran.stdout + ran.stderr


def test_a_fault_far_to_the_right_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("server: {host: " + "a" * 400 + ", prot: 1}\nmodel: m\n")
    ran = shell(f"{MIXVLLM} validate {path}")
    at = next(
        i for i, line in enumerate(ran.stdout.splitlines()) if "^^^^" in line and "port" in line
    )
    shown, caret = ran.stdout.splitlines()[at - 1 : at + 1]
    column = caret.index("^")
    assert shown[column : column + 4] == "prot"
    assert len(shown) < 200


@pytest.mark.parametrize("words", ["validate --diff", "init m --force --output x.yaml", "nosuch"])
def test_a_full_disk_under_standard_error_is_no_finding(words: str, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("model: m\nserver:\n  prt: 8000\n")
    name = path if words.startswith("validate") else ""
    ran = shell(f"cd {tmp_path}; {MIXVLLM} {words} {name} 2>/dev/full")
    assert ran.returncode == 3


def test_a_diff_cannot_steer_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"model: m\nserver:\n  prt: 8000 # \xe2\x80\xae\rport: 1\n")
    ours, theirs = os.openpty()
    ran = subprocess.run(
        [sys.executable, "-m", "mixvllm", "validate", "--diff", path],
        stdout=theirs, stderr=subprocess.PIPE, check=False, timeout=60,
    )  # fmt: skip
    os.close(theirs)
    shown = os.read(ours, 65536).decode().replace("\r\n", "\n")
    os.close(ours)
    piped = shell(f"{MIXVLLM} validate --diff {path}")
    assert (ran.returncode, piped.returncode) == (1, 1)
    assert "\u202e" in piped.stdout
    assert "\u202e" not in shown
    assert "\r" not in shown
    assert "+  port: 8000 # \\u202e" in shown
