"""Board to picture. Pure: the same board, time and size give the same picture.

Three shapes, by the room there is: a single column without borders for small terminals
(:mod:`mixvllm.panes.compact`), a bordered box, and the box with two or three columns of
blocks in its middle. The log takes whatever rows are left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from mixvllm.core.board import Board
from mixvllm.core.units import show_clock
from mixvllm.panes import headline, log
from mixvllm.panes.about import about
from mixvllm.panes.cards import cards
from mixvllm.panes.cards import title as cards_title
from mixvllm.panes.compact import compact
from mixvllm.panes.frame import row, rule
from mixvllm.panes.help import key_bar
from mixvllm.panes.help import page as help_page
from mixvllm.panes.line import Line, Span, width_of
from mixvllm.panes.look import Look
from mixvllm.panes.picture import Picture
from mixvllm.panes.symbols import ASCII, UNICODE
from mixvllm.panes.timeline import timeline
from mixvllm.panes.tones import Tone
from mixvllm.panes.traffic import traffic


class Pane(Enum):
    """What fills the middle: everything, the log alone, or the page of help."""

    OVERVIEW = "overview"
    LOG = "log"
    HELP = "help"


Draw: TypeAlias = Callable[[Board, Look, int, int], list[Line]]  # board, look, width, rows


@dataclass(frozen=True, slots=True)
class Block:
    """A named part of the middle. One with ``whole`` is left out rather than cut."""

    title: str
    draw: Draw
    whole: bool = True


BOX_WIDTH: Final = 60  # below: no borders
BOX_HEIGHT: Final = 14
TWO_COLUMNS: Final = 78
THREE_COLUMNS: Final = 150


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
        widths, columns = _columns(board, look, width)
        middle = _middle(board, look, widths, columns, room - _log_rows(height) - 1)
        lines += middle
        room -= len(middle)
        borders = _borders(widths) if middle else []
        tail = log.tail(board, look, inner, room)
    else:
        borders = []
        tail = log.pages(board, look, inner, room) if pane is Pane.LOG else help_page(look)
    heading = (Span("help", Tone.STRONG),) if pane is Pane.HELP else log.heading(board, look)
    symbols = look.symbols
    lines.append(
        rule(
            look,
            width,
            (symbols.tee_right, symbols.tee_left),
            headings={1: heading},
            joints=dict.fromkeys(borders, symbols.tee_up),
        )
    )
    tail = (tail + [()] * room)[:room]
    lines += [row(look, [(line, inner)]) for line in tail]
    ends = (symbols.bottom_left, symbols.bottom_right)
    return [*lines, rule(look, width, ends, headings={1: key_bar()})]


def _title(board: Board, look: Look, width: int) -> Line:
    release = f"vLLM {look.text(board.run.release)} " if board.run.release else ""
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


def _columns(board: Board, look: Look, width: int) -> tuple[list[int], list[list[Block]]]:
    """The widths of the columns and the blocks in each, the most wanted first."""
    start = Block("start", lambda b, k, w, r: timeline(b, k, w))
    main = Block("requests", lambda b, k, w, r: traffic(b, k, w), whole=False)
    load = Block(cards_title(board), cards, whole=False)
    facts = Block("run", lambda b, k, w, r: about(b, k, w))
    starting = board.ready_at is None
    first = [Block("start", start.draw, whole=False)] if starting else [main, start]
    if width < TWO_COLUMNS:
        return [width - 4], [[*first[:1], load]]
    if width < THREE_COLUMNS:
        left = max(34, (width - 7) * 2 // 5)
        return [left, width - 7 - left], [first, [load, facts]]
    left = (width - 10) // 3
    return [left, width - 10 - 2 * left, left], [first[:1], [load], [facts, *first[1:]]]


def _borders(widths: list[int]) -> list[int]:
    """The columns of the borders between."""
    places, at = [], 0
    for width in widths[:-1]:
        at += width + 3
        places.append(at)
    return places


def _middle(
    board: Board, look: Look, widths: list[int], columns: list[list[Block]], rows: int
) -> list[Line]:
    """The rule with the headings and the rows under it; nothing where ``rows`` are too few."""
    if rows < 2:
        return []
    stacks = [
        _stack(board, look, width, blocks, rows)
        for width, blocks in zip(widths, columns, strict=True)
    ]
    tall = max(len(lines) for _, lines in stacks)
    if not tall:
        return []
    borders = _borders(widths)
    symbols = look.symbols
    places = [1, *(at + 1 for at in borders)]
    lines = [
        rule(
            look,
            width=sum(widths) + 3 * len(widths) + 1,
            ends=(symbols.tee_right, symbols.tee_left),
            headings={
                at: (Span(title, Tone.STRONG),)
                for at, (title, _) in zip(places, stacks, strict=True)
                if title
            },
            joints=dict.fromkeys(borders, symbols.tee_down),
        )
    ]
    for number in range(tall):
        cells = [
            (stack[number] if number < len(stack) else (), width)
            for (_, stack), width in zip(stacks, widths, strict=True)
        ]
        lines.append(row(look, cells))
    return lines


def _stack(
    board: Board, look: Look, width: int, blocks: list[Block], rows: int
) -> tuple[str, list[Line]]:
    """The blocks under each other, as many as fit; the title of the first stands above them."""
    title = ""
    lines: list[Line] = []
    for block in blocks:
        gap = 2 if lines else 0
        room = rows - len(lines) - gap
        if room < 1:
            break
        drawn = block.draw(board, look, width, room)
        if not drawn or (gap and block.whole and len(drawn) > room):
            continue
        if gap:
            fill = look.symbols.across * max(0, width - width_of((Span(block.title),)) - 1)
            lines += [(), (Span(block.title, Tone.STRONG), Span(f" {fill}", Tone.DIM))]
        title = title or block.title
        lines += drawn[:room]
    return title, lines
