from mixvllm.core.board import Board, Run, fold_all
from mixvllm.core.events import EngineExited, EngineSpawned, Event, PhaseEntered, StateChanged
from mixvllm.core.phases import Phase
from mixvllm.panes.line import Line
from mixvllm.panes.look import Look
from mixvllm.panes.symbols import UNICODE
from mixvllm.panes.timeline import timeline

RUN = Run("n", "m", "p", "u", None, "")
BEGUN: list[Event] = [
    EngineSpawned(0.0, 1, 1, ()),
    PhaseEntered(0.0, Phase.IMPORTS),
    PhaseEntered(30.0, Phase.WEIGHTS),
]


def shown(events: list[Event], now: float, width: int = 20) -> list[str]:
    lines: list[Line] = timeline(fold_all(Board(RUN), events), Look(now, UNICODE), width)
    return ["".join(span.text for span in line).rstrip() for line in lines]


def test_over_now_and_to_come() -> None:
    assert shown(BEGUN, 40.9) == [
        "✓ imports  30 s",
        "▸ weights  10 s",
        "· warm-up",
        "· serving",
        "· canary",
    ]


def test_before_the_first_phase_all_are_to_come() -> None:
    assert shown([], 1.0) == [f"· {phase.value}" for phase in Phase]


def test_a_start_that_died_shows_where() -> None:
    seen = shown([*BEGUN, EngineExited(35.5, 1, asked=False, killed=0)], 99.0)
    assert seen[:2] == ["✓ imports   30 s", "✗ weights  5.5 s"]


def test_when_it_is_ready_only_what_was_seen_is_left() -> None:
    seen = shown([*BEGUN, StateChanged(45.0, "ready", "")], 99.0)
    assert seen == ["✓ imports  30 s", "✓ weights  15 s"]


def test_bars_share_the_time_of_the_start() -> None:
    seen = shown([*BEGUN, StateChanged(40.0, "ready", "")], 99.0, width=2 + 7 + 2 + 4 + 1 + 20)
    assert [line.count("█") for line in seen] == [15, 5]
