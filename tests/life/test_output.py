"""Whatever happens to the output: nobody reads it, the terminal closes, the disk is full."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.life.lives import LIMIT, Case, Life, eventually

ON_A_TERMINAL = (
    sys.executable,
    "-c",
    "import fcntl, os, sys, termios\n"
    "tty = os.open(sys.argv[1], os.O_RDWR)\n"
    "fcntl.ioctl(tty, termios.TIOCSCTTY, 0)\n"
    "for fd in (0, 1, 2):\n"
    "    os.dup2(tty, fd)\n"
    "os.execv(sys.argv[2], sys.argv[2:])\n",
)


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """A terminal that nobody reads: our end, and its name."""
    ours, theirs = pty.openpty()
    name = os.ttyname(theirs)
    yield ours, name
    with suppress(OSError):
        os.close(ours)
    with suppress(OSError):
        os.close(theirs)


def on_terminal(case: Case, name: str) -> Life:
    """A life with panes; its state is read in its journal."""
    env = {"TERM": "xterm-256color"}
    return Life(case, text=True, under=(*ON_A_TERMINAL, name), env=env)


def journal(case: Case) -> list[dict[str, object]]:
    with suppress(OSError, ValueError):
        lines = (case.run / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]
    return []


def wait_told(case: Case, state: str) -> None:
    def told() -> bool:
        return any(event.get("state") == state for event in journal(case))

    eventually(told, f"{state} in the journal")


def size(case: Case) -> int:
    return (case.run / "vllm.log").stat().st_size


def test_a_terminal_that_nobody_reads(tmp_path: Path, terminal: tuple[int, str]) -> None:
    case = Case(tmp_path, "flood=3000@ready")
    with on_terminal(case, terminal[1]) as life:
        wait_told(case, "ready")
        case.wait_logged("line 2999 of a flood")
        before = size(case)
        for number in range(5):
            assert life.ask(f"question {number}")["choices"]
        eventually(lambda: size(case) > before, "a longer log")
        life.send(signal.SIGTERM)
        assert life.wait_exit() == 0
        assert case.tagged() == []


def test_a_terminal_that_closes_stops_it(tmp_path: Path, terminal: tuple[int, str]) -> None:
    case = Case(tmp_path)
    with on_terminal(case, terminal[1]) as life:
        wait_told(case, "ready")
        os.close(terminal[0])  # what a lost ssh connection does: SIGHUP, and EIO from now on
        assert life.wait_exit() == 0
        assert any(event.get("reason") == "asked by SIGHUP" for event in journal(case))
        assert case.tagged() == []


def test_a_reader_that_leaves_stops_nothing(tmp_path: Path) -> None:
    case = Case(tmp_path)
    head = ("sh", "-c", '"$@" | head -n 1', "sh")
    with Life(case, under=head) as life:
        wait_told(case, "ready")
        assert life.ask("anybody")["choices"]
        (supervisor,) = filter(is_supervisor, case.tagged())
        life.send(signal.SIGTERM, to=supervisor.pid)
        case.wait_nothing_left()
        wait_told(case, "stopped")


def is_supervisor(process: psutil.Process) -> bool:
    words = process.cmdline()
    return words[1:4] == ["-m", "mixvllm", "serve"]


def test_a_stopped_supervisor_holds_up_nothing(tmp_path: Path) -> None:
    case = Case(tmp_path)
    with Life(case) as life:
        life.wait_state("ready")
        life.send(signal.SIGSTOP)
        before = size(case)
        text = "x" * 4000
        for _ in range(40):
            assert life.ask(text)["choices"]
        eventually(lambda: size(case) > before, "a longer log")
        life.send(signal.SIGTERM)
        life.send(signal.SIGCONT)
        assert life.wait_exit() == 0
        assert case.tagged() == []


def test_a_flood_is_in_the_file_and_not_on_the_screen(tmp_path: Path) -> None:
    case = Case(tmp_path, "flood=30000@ready")
    with Life(case) as life:
        case.wait_logged("line 29999 of a flood")
        life.wait_state("ready")
        eventually(lambda: life.events("output_skipped"), "what was left out")
        log = case.log()
        assert all(f"line {number} of a flood" in log for number in range(0, 30000, 997))
        life.send(signal.SIGTERM)
        assert life.wait_exit() == 0
        shown = len(life.events("line_logged"))
        skipped = sum(event["lines"] for event in life.events("output_skipped"))
        assert shown + skipped >= 30000


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    with Life(Case(tmp_path, "garbage@listen")) as life:
        life.wait_state("ready")
        life.send(signal.SIGTERM)
        assert life.wait_exit() == 0
        assert all(text.isprintable() for text in (e["text"] for e in life.events("line_logged")))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 20 MiB."""
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("only root can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip("this machine does not let root mount a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def asked(life: Life) -> bool:
    """A handful of answers, each with a line in the log."""
    return all(life.request("GET", "/v1/models").status == 200 for _ in range(10))


def notes(life: Life, words: str) -> list[str]:
    return [event["text"] for event in life.events("noted") if words in event["text"]]


def fill(disk: Path) -> Path:
    """A file that takes all that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(65536))
    with filler.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x")
    return filler


def test_a_disk_that_is_full_before_the_start(small_disk: Path, tmp_path: Path) -> None:
    filler = fill(small_disk)
    on_disk = {"logging": {"directory": str(small_disk)}}
    with Life(Case(tmp_path, profile=on_disk), text=True) as life:
        assert life.wait_exit() == 3
        errors = [line for line in life.lines("err") if line.startswith("error: ")]
        assert errors[0].startswith(f"error: the disk of {small_disk} is full: ")
    assert list(small_disk.iterdir()) == [filler]


def test_a_disk_that_fills_up_during_the_run(small_disk: Path, tmp_path: Path) -> None:
    case = Case(tmp_path, profile={"logging": {"directory": str(small_disk)}})
    with Life(case) as life:
        life.wait_state("ready")
        filler = fill(small_disk)
        eventually(lambda: asked(life) and life.events("noted"), "the log to notice")
        told = life.events("noted")[0]["text"]
        assert told == "the log file cannot be written: no space left on device; vLLM goes on"
        filler.unlink()
        eventually(lambda: asked(life) and notes(life, "can be written again"), "room again")
        assert "bytes are missing here" in case.log()
        life.send(signal.SIGTERM)
        assert life.wait_exit(limit=LIMIT) == 0
