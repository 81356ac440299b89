"""The picture for small terminals: one column, no borders, the most wanted first."""

from mixvllm.core.board import Board
from mixvllm.core.units import show_clock
from mixvllm.panes import headline, log
from mixvllm.panes.cards import cards
from mixvllm.panes.help import key_bar
from mixvllm.panes.line import Line, Span, joined
from mixvllm.panes.look import Look
from mixvllm.panes.tones import Tone
from mixvllm.panes.traffic import traffic


def compact(
    board: Board,
    look: Look,
    width: int,
    height: int,
    *,
    body: list[Line] | None,
    log_only: bool,
) -> list[Line]:
    """Exactly ``height`` lines; ``body`` takes the place of all below the state."""
    lines = [_first(board, look, width)]
    keys = [key_bar()] if height >= 8 else []
    room = height - len(keys)
    if body is not None:
        lines += body
    else:
        loud = board.state in ("failed", "degraded")
        steps = headline.step(board, look, width, rows=1 + (loud and height // 5))
        lines += [headline.place(board, look), *steps]
        if log_only:
            lines = lines[:room]
            lines += log.pages(board, look, width, room - len(lines))
        else:
            wanted = _figures(board, look, width)
            keep = min(len(wanted), room - len(lines) - max(2, room // 3))
            lines += wanted[: max(0, keep)]
            lines = lines[:room]
            lines += log.tail(board, look, width, room - len(lines))
    lines = [*lines, *([()] * height)][:room]
    return [*lines, *keys]


def _first(board: Board, look: Look, width: int) -> Line:
    """State, name and clock."""
    name = look.text(board.run.name)
    left = joined([headline.state(board, look), (Span(name, Tone.STRONG),)], "  ")
    return look.apart(left, (Span(show_clock(look.now), Tone.DIM),), width)


def _figures(board: Board, look: Look, width: int) -> list[Line]:
    """What is worth a row when there are few."""
    rows = traffic(board, look, width) if board.gauges is not None else []
    if board.cards or board.machine is not None:
        rows = [*rows[:3], *cards(board, look, width, 3), *rows[3:]]
    note = headline.note(board, look)
    return [note, *rows] if note else rows
