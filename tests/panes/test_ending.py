import pytest

from mixvllm.core.board import Board, Run, fold_all
from mixvllm.core.events import EngineExited, EngineSpawned, Event, StateChanged
from mixvllm.panes.ending import exit_words, killed_words, state_words, summary

RUN = Run("llama", "m", "p", "u", None, "logs/engine.log")


@pytest.mark.parametrize(
    ("status", "words"),
    [(0, "status 0"), (3, "status 3"), (-9, "SIGKILL"), (-15, "SIGTERM"), (-63, "signal 63")],
)
def test_how_a_process_ended(status: int, words: str) -> None:
    assert exit_words(status) == words


def test_how_many_had_to_be_killed() -> None:
    assert [killed_words(n) for n in (0, 1, 2)] == [
        "",
        "1 process had to be killed",
        "2 processes had to be killed",
    ]


def told(*events: Event, now: float = 0.0) -> list[str]:
    board = fold_all(Board(RUN), events)
    return ["".join(span.text for span in line) for line in summary(board, max(now, board.last))]


def test_a_run_that_served() -> None:
    assert told(
        EngineSpawned(0.0, 7, 2, ()),
        StateChanged(10.0, "ready", ""),
        EngineExited(200.0, -15, asked=True, killed=2),
        StateChanged(202.0, "stopped", ""),
    ) == [
        "llama stopped",
        "  served 3 min 12 s, 1 restart, 2 processes had to be killed",
        "  log logs/engine.log",
    ]


def test_a_run_that_never_began() -> None:
    assert told(StateChanged(1.0, "failed", "port 8000 is taken"))[:2] == [
        "llama failed: port 8000 is taken",
        "  never ready",
    ]


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        ("stopped", "", "stopped"),
        ("stopped", "stopped as asked", "stopped as asked"),
        ("failed", "port 8000 is taken", "failed: port 8000 is taken"),
    ],
)
def test_a_state_is_not_told_twice(state: str, reason: str, words: str) -> None:
    assert state_words(state, reason) == words
    assert told(StateChanged(1.0, state, reason))[0] == f"llama {words}"


def test_a_run_that_is_left_while_it_serves() -> None:
    events = (EngineSpawned(0.0, 7, 1, ()), StateChanged(10.0, "ready", ""))
    assert told(*events, now=40.0)[1] == "  served 30 s"
