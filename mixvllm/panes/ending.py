"""How a process, and a run, ended: in words."""

import signal

from mixvllm.core.board import Board
from mixvllm.panes.headline import manner
from mixvllm.panes.line import Line, Span
from mixvllm.panes.look import Look, duration
from mixvllm.panes.symbols import ASCII, UNICODE
from mixvllm.panes.tones import Tone


def exit_words(status: int) -> str:
    """``status 1``, or ``SIGKILL`` for what :mod:`subprocess` writes as -9."""
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def killed_words(killed: int) -> str:
    """``2 processes had to be killed``; empty for none."""
    if killed <= 0:
        return ""
    return f"{killed} process{'es' if killed > 1 else ''} had to be killed"


def state_words(state: str, reason: str) -> str:
    """``failed: why``; a reason that begins with the state is not told twice."""
    if not reason:
        return state
    return reason if reason.startswith(state) else f"{state}: {reason}"


def summary(board: Board, now: float, *, ascii_only: bool = False) -> list[Line]:
    """How a run ended, for the scroll-back: two or three lines."""
    look = Look(now, ASCII if ascii_only else UNICODE)
    spans = [
        Span(look.text(board.run.name), Tone.NAME),
        Span(" "),
        Span(look.text(board.state), manner(board).tone),
    ]
    why = state_words(board.state, board.reason).removeprefix(board.state)
    if why:
        spans.append(Span(look.text(why)))
    lines: list[Line] = [tuple(spans), (Span(f"  {served_words(board, now)}"),)]
    if board.run.log_file:
        log = (Span("  log ", Tone.DIM), Span(look.text(board.run.log_file), Tone.NAME))
        lines.append(log)
    return lines


def served_words(board: Board, now: float) -> str:
    """``served 4 h 12 min, 1 restart``."""
    seconds = board.served_seconds(now)
    never = board.ready_at is None and not seconds
    words = [
        "never ready" if never else f"served {duration(seconds, whole=True)}",
        f"{board.restarts} restart{'s' if board.restarts > 1 else ''}" if board.restarts else "",
        killed_words(board.killed),
    ]
    return ", ".join(filter(None, words))
