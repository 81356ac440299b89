import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from mixvllm.core.board import Board, fold
from mixvllm.core.events import (
    EngineExited,
    EngineSpawned,
    Event,
    FactLearned,
    GaugesRead,
    HealthSeen,
    LineLogged,
    MachineSampled,
    Noted,
    OutputSkipped,
    PhaseEntered,
    PhaseProgressed,
    StateChanged,
)
from mixvllm.core.phases import Phase
from mixvllm.panes.plain import Plain
from mixvllm.testing.show_panes import RUN, script


def lines(tmp_path: Path, events: list[Event], board: Board | None = None) -> list[str]:
    path = tmp_path / "out"
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    board = board or Board(RUN)
    sink = Plain(out)
    for event in events:
        board = fold(board, event)
        sink.tell(event, board)
        sink.draw(board, event.at)
    sink.close(board)
    os.close(out)
    return path.read_text().splitlines()


def test_a_start_from_spawn_to_ready(tmp_path: Path) -> None:
    seen = lines(tmp_path, [event for event in script("ready") if event.at <= 53.0])
    assert seen == [
        "09:12:13 llama-8b starting",
        "09:12:13 llama-8b vLLM 0.32.0 runs as pid 14256",
        "09:12:13 llama-8b imports",
        "09:12:24 llama-8b config; imports took 11 s",
        "09:12:25 llama-8b engine; config took 1.3 s",
        "09:12:38 llama-8b weights; engine took 13 s",
        "09:12:39 llama-8b weights 1/30, about 15 s left",
        "09:12:44 llama-8b weights 11/30, about 10 s left",
        "09:12:49 llama-8b weights 21/30, about 5 s left",
        "09:12:54 llama-8b weights 30/30",
        "09:12:55 llama-8b warm-up; weights took 17 s",
        "09:12:57 llama-8b kv tokens 442 368",
        "09:13:02 llama-8b serving; warm-up took 7.5 s",
        "09:13:05 llama-8b canary; serving took 2.3 s",
        "09:13:06 llama-8b ready at http://127.0.0.1:8000 after 53 s",
        "09:13:06 llama-8b served 0 s",
    ]


def said(tmp_path: Path, *events: Event) -> list[str]:
    """The sentences, without clock, name and the last line."""
    run = replace(RUN, began=None)
    return [line.removeprefix("llama-8b ") for line in lines(tmp_path, [*events], Board(run))[:-1]]


def test_an_end_with_trouble(tmp_path: Path) -> None:
    assert said(
        tmp_path,
        EngineSpawned(0.0, 7, 2, ()),
        StateChanged(1.0, "ready", ""),
        HealthSeen(2.0, True, ""),
        HealthSeen(3.0, False, "no answer in 5 s"),
        HealthSeen(4.0, False, "no answer in 5 s"),
        StateChanged(4.0, "degraded", "no answer for 15 s"),
        HealthSeen(5.0, True, ""),
        StateChanged(5.0, "ready", "it answers again"),
        OutputSkipped(6.0, 12, "the disk is full"),
        Noted(7.0, "profile reloaded"),
        EngineExited(8.0, -9, asked=False, killed=1),
        StateChanged(8.0, "failed", "killed\x1b[31m\nby somebody"),
    ) == [
        "vLLM 0.32.0 runs as pid 7, attempt 2",
        "ready at http://127.0.0.1:8000 after 1.0 s",
        "health check failed: no answer in 5 s",
        "degraded: no answer for 15 s",
        "health check passes again",
        "ready at http://127.0.0.1:8000: it answers again",
        "12 lines of vLLM's output skipped: the disk is full",
        "profile reloaded",
        "vLLM exited, SIGKILL, 1 process had to be killed",
        "failed: killed\u241b[31m by somebody",
    ]


@pytest.mark.parametrize(
    "event",
    [
        LineLogged(1.0, "INFO 11-22 07:38:18 [a.py:1] text"),
        GaugesRead(1.0, running=3),
        MachineSampled(1.0),
        PhaseProgressed(1.0, Phase.WEIGHTS, 1, 3),  # of a phase that does not go on
    ],
)
def test_what_is_no_change_has_no_line(tmp_path: Path, event: Event) -> None:
    assert said(tmp_path, event) == []


def test_news_of_a_phase_that_is_over_has_no_line(tmp_path: Path) -> None:
    assert said(
        tmp_path,
        PhaseEntered(1.0, Phase.WARMUP),
        PhaseEntered(2.0, Phase.WEIGHTS),
        FactLearned(3.0, "kv_tokens", "5"),
        FactLearned(4.0, "kv_tokens", "5"),
    ) == ["warm-up", "kv tokens 5"]


def test_an_unread_pipe_loses_lines_but_holds_up_nothing_and_says_so() -> None:
    reading, writing = os.pipe()
    sink = Plain(writing)
    board = Board(RUN)
    for number in range(20_000):
        event = Noted(float(number), f"note {number} " + "x" * 80)
        board = fold(board, event)
        sink.tell(event, board)
    data = b""
    while b"not written: nobody read them" not in data:
        data += os.read(reading, 65536)
    told = re.search(rb"(\d+) lines not written", data)
    assert told is not None
    assert int(told[1]) > 1000
    os.close(reading)
    sink.close(board)
    os.close(writing)
