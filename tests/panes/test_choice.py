import asyncio
import os
from collections.abc import Iterator

import pytest

from mixvllm.panes.choice import open_sink, speaks_ascii_only
from mixvllm.panes.json_lines import JsonLines
from mixvllm.panes.live import Live
from mixvllm.panes.plain import Plain
from mixvllm.panes.sink import Sink
from mixvllm.testing.emulator import Emulator


@pytest.fixture
def terminal() -> Iterator[int]:
    with Emulator() as emulator:
        yield emulator.terminal


def chosen(out: int, environ: dict[str, str], *, json_lines: bool = False) -> Sink:
    loop = asyncio.new_event_loop()
    try:
        return open_sink(
            json_lines=json_lines,
            color=True,
            environ=environ,
            loop=loop,
            on_key=print,
            out=out,
            keys=out,
        )
    finally:
        loop.close()


def test_a_terminal_gets_panes(terminal: int) -> None:
    assert isinstance(chosen(terminal, {"TERM": "xterm"}), Live)


@pytest.mark.parametrize("environ", [{"TERM": "dumb"}, {}, {"TERM": ""}])
def test_a_terminal_that_moves_no_cursor_gets_lines(terminal: int, environ: dict[str, str]) -> None:
    assert isinstance(chosen(terminal, environ), Plain)


def test_programs_get_json_when_asked_even_on_a_terminal(terminal: int) -> None:
    assert isinstance(chosen(terminal, {"TERM": "xterm"}, json_lines=True), JsonLines)


def test_a_pipe_gets_lines() -> None:
    reading, writing = os.pipe()
    assert isinstance(chosen(writing, {"TERM": "xterm"}), Plain)
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(
    ("environ", "ascii_only"),
    [
        ({}, False),
        ({"LANG": "C"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, True),
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, False),
        ({"LANG": "en_US.utf8"}, False),
        ({"LANG": "en_US.UTF-8", "LC_CTYPE": "POSIX"}, True),
        ({"LANG": "en_US.UTF-8", "TERM": "linux"}, True),
    ],
)
def test_who_gets_ascii(environ: dict[str, str], ascii_only: bool) -> None:
    assert speaks_ascii_only(environ) is ascii_only
