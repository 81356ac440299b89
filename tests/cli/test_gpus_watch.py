"""`mixvllm gpus --watch` as a real process on a real terminal, while cards come and go."""

import json
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from mixvllm.testing.emulator import LIMIT, Emulator

if TYPE_CHECKING:
    from tests.gpu.nvml.double import Double

pytest_plugins = ["tests.gpu.nvml.double"]

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "mixvllm", "gpus", "--watch", "--interval", "0.2"]


@contextmanager
def watching(
    nvml: "Double", emulator: Emulator, *words: str, **more: str
) -> Iterator["subprocess.Popen[bytes]"]:
    environment = nvml.environment() | {"TERM": "xterm-256color", **more}
    with subprocess.Popen(
        [*COMMAND, *words], cwd=ROOT, env=environment, stdin=emulator.terminal,
        stdout=emulator.terminal, stderr=emulator.terminal, start_new_session=True,
    ) as run:  # fmt: skip
        try:
            yield run
        finally:
            run.kill()


def is_cooked(emulator: Emulator) -> bool:
    return bool(termios.tcgetattr(emulator.terminal)[3] & termios.ICANON)


def test_figures_move_and_q_gives_the_terminal_back(nvml: "Double") -> None:
    with Emulator(100, 24) as emulator, watching(nvml, emulator) as run:
        emulator.until(lambda: "97 %" in emulator.text)
        assert not is_cooked(emulator)
        nvml.play("two-h100", "0.util_gpu=12")
        emulator.until(lambda: "12 %" in emulator.text and "97 %" not in emulator.text)
        emulator.type(b"q")
        assert run.wait(LIMIT) == 0
        emulator.until(lambda: b"\x1b[?25h\x1b[?1049l" in emulator.raw)
        assert is_cooked(emulator)


def test_only_what_changes_is_drawn(nvml: "Double") -> None:
    with Emulator(100, 24) as emulator, watching(nvml, emulator) as run:
        emulator.until(lambda: "97 %" in emulator.text)
        before = len(emulator.raw)
        nvml.play("two-h100", "0.util_gpu=12")
        emulator.until(lambda: "12 %" in emulator.text)
        assert b"\x1b[2J" not in emulator.raw[before:]
        assert b"health" not in emulator.raw[before:]  # the head of the table stays
        emulator.type(b"q")
        run.wait(LIMIT)


def test_ctrl_c_is_130_and_the_window_may_change_its_size(nvml: "Double") -> None:
    with Emulator(100, 24) as emulator, watching(nvml, emulator) as run:
        emulator.until(lambda: "used by" in emulator.text)
        emulator.resize(40, 12)
        run.send_signal(signal.SIGWINCH)
        emulator.until(lambda: "used by" not in emulator.text and " q stop" in emulator.text)
        assert max(map(len, emulator.text.splitlines())) <= 40
        run.send_signal(signal.SIGINT)
        assert run.wait(LIMIT) == 130
        emulator.until(lambda: b"interrupted" in emulator.raw)
        assert is_cooked(emulator)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(nvml: "Double", number: signal.Signals) -> None:
    with Emulator(100, 24) as emulator, watching(nvml, emulator) as run:
        emulator.until(lambda: "97 %" in emulator.text)
        run.send_signal(number)
        assert run.wait(LIMIT) == 128 + number
        assert is_cooked(emulator)


def test_a_card_is_lost_and_the_driver_goes_and_both_come_back(nvml: "Double") -> None:
    with Emulator(100, 24) as emulator, watching(nvml, emulator) as run:
        emulator.until(lambda: "97 %" in emulator.text)
        nvml.play("two-h100", "1.ret.*=15")
        emulator.until(lambda: "card 1 no longer answers" in emulator.text)
        assert "97 %" in emulator.text
        nvml.play("two-h100")
        emulator.until(lambda: "no longer" not in emulator.text)
        nvml.stop_playing()
        emulator.until(lambda: "97 %" not in emulator.text)
        nvml.play("two-h100")
        emulator.until(lambda: "97 %" in emulator.text)
        assert "Traceback" not in emulator.text
        emulator.type(b"q")
        assert run.wait(LIMIT) == 0


def test_without_colours_and_with_ascii_alone(nvml: "Double") -> None:
    more = {"NO_COLOR": "1", "PYTHONIOENCODING": "ascii"}
    with Emulator(100, 24) as emulator, watching(nvml, emulator, **more) as run:
        emulator.until(lambda: "97 %" in emulator.text)
        emulator.until(lambda: "##" in emulator.text)
        assert emulator.text.isascii()
        assert not re.search(rb"\x1b\[[\d;]*m", emulator.raw)
        emulator.type(b"q")
        assert run.wait(LIMIT) == 0


def test_the_last_terminal_may_go(nvml: "Double") -> None:
    with Emulator(100, 24) as emulator, watching(nvml, emulator) as run:
        emulator.until(lambda: "97 %" in emulator.text)
        emulator.hang_up()
        assert run.wait(LIMIT) in (0, 128 + signal.SIGHUP)


@contextmanager
def piped(nvml: "Double", *words: str) -> Iterator["tuple[subprocess.Popen[str], IO[str]]"]:
    with subprocess.Popen(
        [*COMMAND, *words], cwd=ROOT, env=nvml.environment(), text=True, stdout=subprocess.PIPE
    ) as run:
        assert run.stdout is not None
        try:
            yield run, run.stdout
        finally:
            run.kill()


def test_a_line_for_each_change_where_there_is_no_terminal(nvml: "Double") -> None:
    with piped(nvml) as (run, out):
        _until(out, "card 0  56.0 of 79.6 GiB  97 %")
        nvml.play("two-h100", "1.temperature=35")
        assert "card 1  0.0 of 79.6 GiB" in _until(out, "35 °C")
        nvml.play("two-h100", "1.ret.*=15")
        assert "error: card 1 no longer answers" in _until(out, "error")
        nvml.play("two-h100")
        assert "no longer: card 1" in _until(out, "no longer: card")
        run.send_signal(signal.SIGINT)
        assert run.wait(LIMIT) == 130


def test_a_document_a_line(nvml: "Double") -> None:
    with piped(nvml, "--format", "json", "1") as (run, out):
        documents = [json.loads(out.readline()) for _ in range(3)]
        assert {document["format_version"] for document in documents} == {1}
        assert [gpu["index"] for gpu in documents[-1]["gpus"]] == [1]
        assert len({document["taken_at"] for document in documents}) == 3
        out.close()
        assert run.wait(LIMIT) == 0  # as with `| head -3`


def _until(out: IO[str], text: str) -> str:
    for line in out:
        if text in line:
            return line
    raise AssertionError(f"it ended without {text!a}")
