"""What is said is as wide as the terminal, and is not broken where a program reads it."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.cli.running import mixvllm


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "p.yaml"
    path.write_text("model: m\nvllm: {version: 0.32.0, args: {kv-cache-dtype: q3}}\n")
    return path


def _seen(columns: int, *words: str | Path) -> list[str]:
    """The lines that a terminal of so many columns is given."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    command = [sys.executable, "-m", "mixvllm", *map(str, words)]
    environ = {**os.environ, "NO_COLOR": "1"}
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environ):
        os.close(theirs)
        text = b""
        try:
            while part := os.read(ours, 65536):
                text += part
        except OSError:  # the other end is closed
            pass
    os.close(ours)
    return text.decode().splitlines()


def _choices(lines: list[str]) -> list[str]:
    """The lines below the first ``=``, up to the blank one."""
    first = next(i for i, line in enumerate(lines) if line.lstrip().startswith("= "))
    return lines[first : lines.index("", first)]


def test_a_list_of_choices_is_broken_between_words(profile: Path) -> None:
    whole = _choices(mixvllm("validate", profile).stdout.splitlines())
    assert len(whole) == 1
    assert len(whole[0]) > 200
    broken = _choices(_seen(60, "validate", profile))
    assert len(broken) > 3
    assert max(map(len, broken)) <= 60
    assert " ".join(line.strip() for line in broken) == whole[0].strip()
    assert {line[:5] for line in broken[1:]} == {"     "}
