"""Board to picture. Pure: the same board, time and size give the same picture.

Three shapes, by the room there is: a single column without borders for small terminals
(:mod:`mixvllm.panes.compact`), a bordered box, and the box with two or three columns of
blocks in its middle. The log takes whatever rows are left.
"""

from enum import Enum
from typing import Final

from mixvllm.core.board import Board
from mixvllm.core.units import show_clock
from mixvllm.panes import headline, log
from mixvllm.panes.compact import compact
from mixvllm.panes.facts import version
from mixvllm.panes.frame import row, rule
from mixvllm.panes.help import key_bar
from mixvllm.panes.help import page as help_page
from mixvllm.panes.line import Line, Span
from mixvllm.panes.look import Look
from mixvllm.panes.middle import borders, columns, middle
from mixvllm.panes.picture import Picture
from mixvllm.panes.symbols import ASCII, UNICODE
from mixvllm.panes.tones import Tone


class Pane(Enum):
    """What fills the middle: everything, the log alone, or the page of help."""

    OVERVIEW = "overview"
    LOG = "log"
    HELP = "help"


BOX_WIDTH: Final = 60  # below: no borders
BOX_HEIGHT: Final = 14


def picture(
    board: Board,
    *,
    now: float,
    width: int,
    height: int,
    ascii_only: bool = False,
    pane: Pane = Pane.OVERVIEW,
) -> Picture:
    """The board as ``height`` lines of ``width`` cells at time ``now`` (seconds of the run)."""
    look = Look(now, ASCII if ascii_only else UNICODE)
    if width < 1 or height < 1:
        return Picture((), max(0, width))
    if width < BOX_WIDTH or height < BOX_HEIGHT:
        body = help_page(look) if pane is Pane.HELP else None
        lines = compact(board, look, width, height, body=body, log_only=pane is Pane.LOG)
    else:
        lines = _box(board, look, width, height, pane)
    return Picture(tuple(look.fit(line, width) for line in lines), width)


def _box(board: Board, look: Look, width: int, height: int, pane: Pane) -> list[Line]:
    inner = width - 4
    head = _head(board, look, inner)
    lines = [_title(board, look, width), *(row(look, [(line, inner)]) for line in head)]
    room = height - len(lines) - 2  # the rule above the log and the bottom one
    if pane is Pane.OVERVIEW:
        widths, blocks = columns(board, width)
        drawn = middle(board, look, widths, blocks, room - _log_rows(height) - 1)
        lines += drawn
        room -= len(drawn)
        joints = borders(widths) if drawn else []
        tail = log.tail(board, look, inner, room)
    else:
        joints = []
        tail = log.pages(board, look, inner, room) if pane is Pane.LOG else help_page(look)
    heading = (Span("help", Tone.STRONG),) if pane is Pane.HELP else log.heading(board, look)
    symbols = look.symbols
    lines.append(
        rule(
            look,
            width,
            (symbols.tee_right, symbols.tee_left),
            headings={1: heading},
            joints=dict.fromkeys(joints, symbols.tee_up),
        )
    )
    tail = (tail + [()] * room)[:room]
    lines += [row(look, [(line, inner)]) for line in tail]
    ends = (symbols.bottom_left, symbols.bottom_right)
    return [*lines, rule(look, width, ends, headings={1: key_bar()})]


def _title(board: Board, look: Look, width: int) -> Line:
    known = version(board)
    release = f"vLLM {look.text(known)} " if known else ""
    corner = Span(f"{release}{look.symbols.across} {show_clock(look.now)}")
    ends = (look.symbols.top_left, look.symbols.top_right)
    name = Span(look.text(board.run.name), Tone.STRONG)
    return rule(look, width, ends, headings={1: (name,)}, corner=(corner,))


def _head(board: Board, look: Look, inner: int) -> list[Line]:
    """State and place, what goes on, and where to look."""
    first = (*headline.state(board, look), Span("   "), *headline.place(board, look))
    below = [
        *headline.step(board, look, inner - 2, rows=3),
        headline.history(board, look),
        headline.note(board, look),
    ]
    return [first, *((Span("  "), *line) for line in below if line)]


def _log_rows(height: int) -> int:
    """Rows that the log has at the least."""
    return max(2, min(14, height // 4))
