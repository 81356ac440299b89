"""Borders: rules with headings set into them, and rows between two sides."""

from collections.abc import Iterable, Mapping

from mixvllm.panes.line import Line, Span, width_of
from mixvllm.panes.look import Look
from mixvllm.panes.tones import Tone


def rule(
    look: Look,
    width: int,
    ends: tuple[str, str],
    *,
    headings: Mapping[int, Line],
    joints: Mapping[int, str] | None = None,
    corner: Line = (),
) -> Line:
    """A horizontal border of ``width`` cells between the two symbols of ``ends``.

    ``headings`` are set in at their columns, each cut where the next one begins;
    ``joints`` are the columns where a vertical border ends or begins, with its symbol;
    ``corner`` stands at the right end, unless it would meet a heading.
    """
    base = [ends[0], *(look.symbols.across * (width - 2)), ends[1]]
    for column, symbol in (joints or {}).items():
        if 0 < column < width - 1:
            base[column] = symbol
    places = dict(headings)
    last = max(places, default=0)
    start = width - 4 - width_of(corner)
    if corner and start > last + width_of(places.get(last, ())) + 3:
        places[start] = corner
    spans: list[Span] = []
    at = 0
    for column, nexts in _with_next(sorted(places), width - 1):
        room = nexts - column - 2
        text = places[column]
        if not text or room < 1:
            continue
        size = width_of(text)
        text = text if size <= room else look.fit(text, room)
        spans += [Span("".join(base[at:column]) + " ", Tone.DIM), *text, Span(" ", Tone.DIM)]
        at = column + min(size, room) + 2
    return (*spans, Span("".join(base[at:]), Tone.DIM))


def _with_next(columns: list[int], end: int) -> Iterable[tuple[int, int]]:
    return zip(columns, [*columns[1:], end], strict=True)


def row(look: Look, cells: list[tuple[Line, int]]) -> Line:
    """Lines side by side, each in its width with a blank at either side, between borders."""
    side = Span(look.symbols.down, Tone.DIM)
    blank = Span(" ")
    spans: list[Span] = [side]
    for line, width in cells:
        spans += [blank, *look.fit(line, width), blank, side]
    return tuple(spans)
