"""The middle of the box: blocks under each other in one, two or three columns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from mixvllm.core.board import Board
from mixvllm.panes.about import about
from mixvllm.panes.cards import cards
from mixvllm.panes.cards import title as cards_title
from mixvllm.panes.frame import row, rule
from mixvllm.panes.line import Line, Span
from mixvllm.panes.look import Look
from mixvllm.panes.timeline import timeline
from mixvllm.panes.tones import Tone
from mixvllm.panes.traffic import traffic

TWO_COLUMNS: Final = 78  # cells of the whole box from which there are two
THREE_COLUMNS: Final = 150

Draw: TypeAlias = Callable[[Board, Look, int, int], list[Line]]  # board, look, width, rows


@dataclass(frozen=True, slots=True)
class Block:
    """A named part of the middle. One with ``whole`` is left out rather than cut."""

    title: str
    draw: Draw
    whole: bool


def columns(board: Board, width: int) -> tuple[list[int], list[list[Block]]]:
    """The widths of the columns and the blocks in each, the most wanted first."""
    starting = board.ready_at is None
    start = Block("start", lambda b, k, w, r: timeline(b, k, w), whole=not starting)
    main = Block("requests", lambda b, k, w, r: traffic(b, k, w), whole=False)
    load = Block(cards_title(board), cards, whole=False)
    facts = Block("run", lambda b, k, w, r: about(b, k, w), whole=True)
    first = [start] if starting else [main, start]
    if width < TWO_COLUMNS:
        return [width - 4], [[*first[:1], load]]
    if width < THREE_COLUMNS:
        left = max(34, (width - 7) * 2 // 5)
        return [left, width - 7 - left], [first, [load, facts]]
    left = (width - 10) // 3
    return [left, width - 10 - 2 * left, left], [first[:1], [load], [facts, *first[1:]]]


def borders(widths: list[int]) -> list[int]:
    """The columns of the borders between."""
    places, at = [], 0
    for width in widths[:-1]:
        at += width + 3
        places.append(at)
    return places


def middle(
    board: Board, look: Look, widths: list[int], blocks: list[list[Block]], rows: int
) -> list[Line]:
    """The rule with the headings and the rows under it; nothing where ``rows`` are too few."""
    if rows < 2:
        return []
    stacks = [
        _stack(board, look, width, column, rows)
        for width, column in zip(widths, blocks, strict=True)
    ]
    tall = max(len(lines) for _, lines in stacks)
    if not tall:
        return []
    between = borders(widths)
    symbols = look.symbols
    places = [1, *(at + 1 for at in between)]
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
            joints=dict.fromkeys(between, symbols.tee_down),
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
            fill = look.symbols.across * max(0, width - len(block.title) - 1)
            lines += [(), (Span(block.title, Tone.STRONG), Span(f" {fill}", Tone.DIM))]
        title = title or block.title
        lines += drawn[:room]
    return title, lines
