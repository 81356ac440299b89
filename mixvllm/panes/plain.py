"""One line per change, for pipes, files, journals and dumb terminals.

``12:01:31 llama-8b weights 12/30, about 18 s left``. Of vLLM's own output nothing is
repeated here; it is in the log file.
"""

from typing import Final

from mixvllm.core.board import Board
from mixvllm.core.events import (
    EngineExited,
    EngineSpawned,
    Event,
    FactLearned,
    HealthSeen,
    Noted,
    OutputSkipped,
    PhaseEntered,
    PhaseProgressed,
    StateChanged,
)
from mixvllm.panes.ending import exit_words, killed_words, served_words, state_words
from mixvllm.panes.facts import fact_words
from mixvllm.panes.line import clean
from mixvllm.panes.look import duration
from mixvllm.panes.screen import Screen

_PATIENCE: Final = 2.0  # seconds that closing waits for a reader
_PROGRESS_EVERY: Final = 5.0  # seconds between two lines about the same phase


def sentence(event: Event, before: Board, after: Board) -> str:
    """What a change means to the operator; empty for what needs no line."""
    match event:
        case EngineSpawned(_, pid, attempt):
            release = f" {after.run.release}" if after.run.release else ""
            again = f", attempt {attempt}" if attempt > 1 else ""
            return f"vLLM{release} runs as pid {pid}{again}"
        case PhaseEntered(_, phase) if after.phases is not before.phases:
            if len(after.phases) < 2 or (last := after.phases[-2]).ended is None:
                return phase.value
            return f"{phase.value}; {last.phase.value} took {duration(last.ended - last.began)}"
        case PhaseProgressed(at, phase, done, total) if after.progress_at == at:
            left = after.seconds_left(at)
            rest = "" if left is None else f", about {duration(left, whole=True)} left"
            return f"{phase.value} {done}/{total}{rest}"
        case FactLearned(_, name, value) if (name, value) not in before.facts:
            return " ".join(fact_words(name, value))
        case StateChanged(_, state, reason):
            return _state(before, after, state, reason)
        case HealthSeen(_, healthy, detail) if before.healthy is not healthy:
            if not healthy:
                return f"health check failed: {detail}" if detail else "health check failed"
            return "health check passes again" if before.healthy is False else ""
        case OutputSkipped(_, lines, why):
            return f"{lines} lines of vLLM's output skipped: {why}"
        case EngineExited(_, status, _, killed):
            words = (f"vLLM exited, {exit_words(status)}", killed_words(killed))
            return ", ".join(filter(None, words))
        case Noted(_, text):
            return text
        case _:
            return ""


def _state(before: Board, after: Board, state: str, reason: str) -> str:
    """The state and why; when it gets ready, also where and after how long."""
    if state != "ready":
        return state_words(state, reason)
    start = after.start_seconds
    first = before.ready_at is None and start is not None
    where = f"ready at {after.run.url}" + (f" after {duration(start or 0.0)}" if first else "")
    return f"{where}: {reason}" if reason else where


class Plain:
    """The sink for what is not a full screen. ``out`` is a file descriptor."""

    def __init__(self, out: int) -> None:
        self._screen = Screen(out, gap=_gap)
        self._before: Board | None = None
        self._progress_told = float("-inf")

    def tell(self, event: Event, board: Board) -> None:
        """Write the line of this change, if it needs one."""
        before = self._before if self._before is not None else Board(board.run)
        self._before = board
        words = sentence(event, before, board)
        if not words or self._too_soon(event):
            return
        self._line(board, event.at, words)

    def draw(self, board: Board, now: float) -> None:
        """Nothing: lines are written when something changes."""

    def close(self, board: Board) -> None:
        """Say how long it served, then wait a little for the reader."""
        self._line(board, board.last, served_words(board, board.last))
        self._screen.close(_PATIENCE)

    def _too_soon(self, event: Event) -> bool:
        """Of a phase's progress only the end and a line now and then are told."""
        if not isinstance(event, PhaseProgressed):
            return False
        if event.done < event.total and event.at - self._progress_told < _PROGRESS_EVERY:
            return True
        self._progress_told = event.at
        return False

    def _line(self, board: Board, at: float, words: str) -> None:
        wall = board.run.wall(at)
        clock = f"{wall:%H:%M:%S} " if wall is not None else ""
        self._screen.write(f"{clock}{clean(board.run.name)} {clean(words)}\n".encode())


def _gap(missing: int) -> bytes:
    return f"{missing} lines not written: nobody read them\n".encode()
