"""The one summary of a run, folded from its events.

Panes, plain lines and status all read a :class:`Board`; none of them keeps state of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from typing import Final

from mixvllm.core.events import (
    CardSampled,
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

TAIL_LINES: Final = 200  # what a tall terminal can show
HISTORY: Final = 120  # samples of utilisation and rates
SERVING_STATES: Final = frozenset({"ready", "draining"})  # requests are answered


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of a run before it begins."""

    name: str
    model: str
    profile: str
    url: str
    release: str | None
    log_file: str
    began: datetime | None = None  # wall-clock time, with its zone, of second 0 of the run
    ops_port: int | None = None  # of the toolkit's own endpoint; None: it is not served

    def wall(self, at: float) -> datetime | None:
        """The wall-clock time of a moment of the run; None when its beginning was not told."""
        return None if self.began is None else self.began + timedelta(seconds=at)


@dataclass(frozen=True, slots=True)
class PhaseTime:
    """A phase and when it began and ended (None: still going on), in seconds of the run."""

    phase: Phase
    began: float
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """A run as of its last event."""

    run: Run
    state: str = "preflight"
    reason: str = ""
    since: float = 0.0  # when the state began
    pid: int | None = None
    attempt: int = 0
    spawned_at: float | None = None
    ready_at: float | None = None
    phases: tuple[PhaseTime, ...] = ()
    progress: tuple[int, int] | None = None  # done, total of the current phase
    progress_at: float | None = None  # when the progress was told
    facts: tuple[tuple[str, str], ...] = ()
    healthy: bool | None = None
    health_detail: str = ""
    gauges: GaugesRead | None = None
    rates: tuple[float, ...] = ()  # generation tokens per second
    rate_times: tuple[float, ...] = ()  # when each of them was read
    cards: tuple[CardSampled, ...] = ()
    machine: MachineSampled | None = None
    load: tuple[float, ...] = ()  # percent of the busiest card, or of the engine's CPU
    load_times: tuple[float, ...] = ()
    tail: tuple[str, ...] = ()
    tail_times: tuple[float, ...] = ()  # when each of them arrived
    lines: int = 0
    lines_skipped: int = 0
    notes: tuple[str, ...] = ()
    exit_status: int | None = None
    exit_asked: bool = False  # the last exit was wanted
    killed: int = 0  # processes of it that had to be killed
    served: float = 0.0  # seconds in serving states that are over
    serving_since: float | None = None
    last: float = 0.0  # time of the last event

    @property
    def phase(self) -> Phase | None:
        """The phase that goes on now; None before the start and once it is ready or gone."""
        return self.phases[-1].phase if self.phases and self.phases[-1].ended is None else None

    @property
    def restarts(self) -> int:
        """How often the engine was started again."""
        return max(0, self.attempt - 1)

    @property
    def start_seconds(self) -> float | None:
        """How long this attempt took from spawn to ready."""
        if self.ready_at is None or self.spawned_at is None:
            return None
        return self.ready_at - self.spawned_at

    def served_seconds(self, now: float) -> float:
        """How long it has served in all, over every restart."""
        return self.served + (now - self.serving_since if self.serving_since is not None else 0.0)

    def seconds_left(self, now: float) -> float | None:
        """What is left of the current phase at its pace so far; None when that cannot be said."""
        if self.progress is None or self.progress_at is None or self.phase is None:
            return None
        done, total = self.progress
        if not 0 < done < total:
            return None
        pace = (self.progress_at - self.phases[-1].began) / done
        left = pace * (total - done) - (now - self.progress_at)
        return left if left > 0 else None


def _enter(phases: tuple[PhaseTime, ...], phase: Phase, at: float) -> tuple[PhaseTime, ...]:
    if phases and phases[-1].phase.order >= phase.order:
        return phases
    return (*_close(phases, at), PhaseTime(phase, at))


def _close(phases: tuple[PhaseTime, ...], at: float) -> tuple[PhaseTime, ...]:
    if not phases or phases[-1].ended is not None:
        return phases
    return (*phases[:-1], replace(phases[-1], ended=at))


def _changed(board: Board, at: float, state: str, reason: str) -> Board:
    if state in SERVING_STATES:
        since = at if board.serving_since is None else board.serving_since
        board = replace(board, serving_since=since)
    else:
        board = replace(board, served=board.served_seconds(at), serving_since=None)
    if state == "ready":
        first = at if board.ready_at is None else board.ready_at
        board = replace(board, phases=_close(board.phases, at), ready_at=first)
    return replace(board, state=state, reason=reason, since=at)


def _sampled(board: Board, event: MachineSampled) -> Board:
    busy = [
        card.utilization_percent for card in event.cards if card.utilization_percent is not None
    ]
    now = max(busy) if busy else event.engine_cpu_percent
    board = replace(board, machine=event, cards=event.cards)
    if now is None:
        return board
    return replace(
        board,
        load=(*board.load, float(now))[-HISTORY:],
        load_times=(*board.load_times, event.at)[-HISTORY:],
    )


def _fold(board: Board, event: Event) -> Board:
    match event:
        case EngineSpawned(at, pid, attempt):
            return replace(
                board, pid=pid, attempt=attempt, spawned_at=at, ready_at=None, phases=(),
                progress=None, progress_at=None, healthy=None, health_detail="", gauges=None,
                exit_status=None, exit_asked=False, killed=0,
            )  # fmt: skip
        case PhaseEntered(at, phase):
            if board.ready_at is not None:
                return board  # late news: the start is over
            phases = _enter(board.phases, phase, at)
            if phases is board.phases:
                return board
            return replace(board, phases=phases, progress=None, progress_at=None)
        case PhaseProgressed(at, phase, done, total):
            if phase is not board.phase:
                return board
            return replace(board, progress=(done, total), progress_at=at)
        case FactLearned(_, name, value):
            kept = tuple(fact for fact in board.facts if fact[0] != name)
            return replace(board, facts=(*kept, (name, value)))
        case LineLogged(at, text):
            return replace(
                board,
                tail=(*board.tail, text)[-TAIL_LINES:],
                tail_times=(*board.tail_times, at)[-TAIL_LINES:],
                lines=board.lines + 1,
            )
        case OutputSkipped(_, lines):
            return replace(board, lines_skipped=board.lines_skipped + lines)
        case StateChanged(at, state, reason):
            return _changed(board, at, state, reason)
        case HealthSeen(_, healthy, detail):
            return replace(board, healthy=healthy, health_detail=detail)
        case GaugesRead(at, generation_tokens_per_second=rate):
            board = replace(board, gauges=event)
            if rate is None:
                return board
            return replace(
                board,
                rates=(*board.rates, rate)[-HISTORY:],
                rate_times=(*board.rate_times, at)[-HISTORY:],
            )
        case MachineSampled():
            return _sampled(board, event)
        case EngineExited(at, status, asked, killed):
            return replace(
                board, pid=None, exit_status=status, exit_asked=asked, killed=killed,
                healthy=None, health_detail="", gauges=None, machine=None, cards=(),
                phases=_close(board.phases, at),
            )  # fmt: skip
        case Noted(_, text):
            return replace(board, notes=(*board.notes, text)[-8:])


def fold(board: Board, event: Event) -> Board:
    """The board after one more event."""
    return replace(_fold(board, event), last=event.at)


def fold_all(board: Board, events: Iterable[Event]) -> Board:
    """The board after all of them."""
    return reduce(fold, events, board)
