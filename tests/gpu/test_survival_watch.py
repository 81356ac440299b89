"""`mixvllm gpus --watch` while the machine changes under it: cards go, come back, hang; so does
the driver.
"""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.gpu.nvml.playing import ROOT, Double, Stage

pytest_plugins = ["tests.gpu.nvml.double"]

Json = dict[str, Any]
INTERVAL = 0.2  # seconds
LIMIT = 30.0  # seconds that anything may take, on the busiest machine
COMMAND = [sys.executable, "-m", "mixvllm", "gpus", "--watch", "--interval", f"{INTERVAL}s"]


@dataclass(frozen=True)
class Watched(Stage):
    """A stage, and the command that watches it: a document a line."""

    process: "subprocess.Popen[str]"

    @property
    def errors(self) -> Path:
        """Where its stderr goes."""
        return self.folder / "errors.txt"

    def document(self) -> Json:
        """The next one."""
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], LIMIT)
        line = self.process.stdout.readline() if readable else ""
        assert line, f"no document: {self.errors.read_text()}"
        document = json.loads(line)
        assert isinstance(document, dict)
        return document

    def until(self, holds: Callable[[Json], bool], what: str) -> Json:
        """The first document of which this holds."""
        deadline = monotonic() + LIMIT
        while not holds(document := self.document()):
            assert monotonic() < deadline, f"{what}: {document['gpus']} {document['problems']}"
        return document

    def end(self) -> int:
        """Ctrl-C. The exit code."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=LIMIT)
        return self.process.returncode


@pytest.fixture
def watched(built_nvml: Double, tmp_path: Path) -> Iterator[Watched]:
    stage = Stage(built_nvml.library, tmp_path)
    stage.play("two-h100")
    with (tmp_path / "errors.txt").open("wb") as errors:
        process = subprocess.Popen(
            [*COMMAND, "--format", "json"],
            cwd=ROOT, env=stage.environment(), stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
    yield Watched(stage.library, stage.folder, process)
    process.kill()
    process.communicate()


def is_well(document: Json) -> bool:
    cards = document["gpus"]
    return len(cards) == 2 and not document["problems"] and complete(cards[0])


def complete(card: Json) -> bool:
    """Whether the figures of a look are there."""
    return card["power_watts"] is not None and card["processes"] is not None


def codes(document: Json) -> set[tuple[str, int | None]]:
    return {(one["code"], one["gpu"]) for one in document["problems"]}


def test_cards_come_and_go(watched: Watched) -> None:
    watched.until(is_well, "two cards")
    watched.play("two-h100", "gpus=1")
    alone = watched.until(lambda now: len(now["gpus"]) == 1, "one card")
    assert alone["gpus"][0]["uuid"] == "GPU-11111111-2222-3333-4444-555555555555"
    watched.play("two-h100")
    watched.until(is_well, "two cards again")
    watched.play("lost")
    lost = watched.until(lambda now: ("card-lost", 1) in codes(now), "a lost card")
    assert complete(lost["gpus"][0])
    watched.play("two-h100")
    watched.until(is_well, "the card came back")
    watched.play("no-cards")
    watched.until(lambda now: ("no-cards", None) in codes(now), "no cards")
    watched.play("two-h100")
    watched.until(is_well, "both came back")
    assert watched.end() in (0, 130)
    assert "Traceback" not in watched.errors.read_text()


def test_a_card_is_cut_into_slices_and_made_whole(watched: Watched) -> None:
    watched.until(is_well, "a whole card")
    watched.play("h100-mig")
    cut = watched.until(lambda now: bool(now["gpus"][0]["mig_devices"]), "slices")
    assert cut["gpus"][0]["mig_enabled"] is True
    assert len(cut["gpus"][0]["mig_devices"]) == 4
    watched.play("two-h100")
    whole = watched.until(lambda now: not now["gpus"][0]["mig_devices"], "a whole card again")
    assert whole["gpus"][0]["mig_enabled"] is False


def test_the_driver_goes_and_comes_back(watched: Watched) -> None:
    watched.until(is_well, "two cards")
    watched.play("two-h100", "ret.*=9")
    watched.until(lambda now: ("driver-not-loaded", None) in codes(now), "no driver")
    watched.play("two-h100")
    watched.until(is_well, "a driver again")
    watched.stop_playing()
    gone = watched.until(lambda now: not now["gpus"], "no driver at all")
    assert ("driver-not-loaded", None) in codes(gone)
    watched.play("two-h100")
    watched.until(is_well, "a driver at last")


def test_a_card_that_begins_to_hang_and_recovers(watched: Watched) -> None:
    watched.until(is_well, "two cards")
    watched.play("hang")
    stuck = watched.until(lambda now: ("no-answer", 0) in codes(now), "a card that hangs")
    assert complete(stuck["gpus"][1])
    for _ in range(3):  # and it keeps on telling of the other one
        document = watched.document()
        assert complete(document["gpus"][1])
        assert ("no-answer", 0) in codes(document)
    watched.play("two-h100")
    watched.until(is_well, "a card that answers again")


def test_figures_of_a_driver_that_hangs_as_a_whole_are_not_kept(watched: Watched) -> None:
    watched.until(is_well, "two cards")
    watched.play("two-h100", "delay_ms.nvmlDeviceGetCount_v2=60000")
    stuck = watched.until(lambda now: len(codes(now)) == 2, "a driver that hangs")
    for card in stuck["gpus"]:
        assert card["name"] is not None
        assert card["utilization"]["gpu_percent"] is None
        assert "timed out" in card["unavailable"]["utilization.gpu_percent"]


def test_a_library_that_crashes_is_loaded_again(watched: Watched) -> None:
    watched.until(is_well, "two cards")
    watched.play("crash")
    crashed = watched.until(lambda now: 1 in {gpu for _, gpu in codes(now)}, "a crash")
    assert complete(crashed["gpus"][0])
    watched.play("two-h100")
    watched.until(is_well, "two cards again")


def test_a_look_costs_few_calls(watched: Watched) -> None:
    """Once everything slow is known: at most twelve calls a card and look."""
    for _ in range(5):
        watched.document()
    watched.calls()
    looks = 10
    for _ in range(looks):
        watched.document()
    calls = Counter(call.split()[1] for call in watched.calls() if " " in call)
    assert set(calls) == {"0", "1"}
    assert max(calls.values()) <= 12 * (looks + 1), calls  # one more may be under way


# What is drawn anew when the machine becomes that one.
WORDS = {
    "lost": b"lost",
    "hang": b"timed out",
    "h100-mig": b"3g.40gb",
    "not-loaded": b"not loaded",
    "no-cards": b"no card",
    "two-h100": b"H100",
}


def test_the_screen_survives_too(built_nvml: Double, tmp_path: Path) -> None:
    """On a terminal: `q` ends it, and the terminal is as it was."""
    stage = Stage(built_nvml.library, tmp_path)
    stage.play("two-h100")
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    environ = stage.environment()
    with subprocess.Popen(
        COMMAND,
        cwd=ROOT, env={**environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "30"},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    ) as process:  # fmt: skip
        shown = seen(ours, b"H100")
        for name, word in WORDS.items():
            stage.play(name)
            shown += seen(ours, word)
        os.write(ours, b"q")
        deadline = monotonic() + LIMIT
        while process.poll() is None and monotonic() < deadline:
            shown += read(ours, 0.1)
        assert process.returncode == 0
    assert b"Traceback" not in shown
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


def read(terminal: int, seconds: float) -> bytes:
    readable, _, _ = select.select([terminal], [], [], seconds)
    return os.read(terminal, 65536) if readable else b""


def seen(terminal: int, word: bytes) -> bytes:
    """What is drawn until that word is."""
    shown, deadline = b"", monotonic() + LIMIT
    while word not in shown:
        assert monotonic() < deadline, f"{word!r} is not in {shown!r}"
        shown += read(terminal, 0.1)
    return shown
