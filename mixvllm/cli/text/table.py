"""Rows in columns that fit a width: columns go by importance when there is no room for all."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from mixvllm.cli.text.cells import Line, Span, cells, cut, line, padded, width_of
from mixvllm.cli.text.style import Tone

_GAP: Final = 2
_INDENT: Final = 1


class Column(NamedTuple):
    """A column; ``rank`` 0 stays longest. One that may be cut has the ``least`` of cells that it
    makes room with, for columns up to the rank ``for_rank``.
    """

    head: str
    rank: int
    right: bool = False
    least: int | None = None
    for_rank: int = 0


class Row(NamedTuple):
    """A cell for each column.

    ``whole`` stands from the second column on instead, as far as the line goes: what is said of
    a row that has no figures. ``rest`` stands from a column on instead, if the line has room.
    """

    cells: tuple[Line, ...]
    whole: Line = ()
    rest: tuple[Column, Line] | None = None

    def mapped(self, change: Callable[[Line], Line]) -> "Row":
        """The row with each of its lines changed."""
        rest = None if self.rest is None else (self.rest[0], change(self.rest[1]))
        return Row(tuple(change(cell) for cell in self.cells), change(self.whole), rest)


class Table(NamedTuple):
    """The lines, the widths of the columns that are shown, and the columns that are not."""

    lines: list[Line]
    widths: dict[Column, int]
    hidden: list[Column]


def table(columns: Sequence[Column], rows: Sequence[Row], width: int) -> Table:
    """The head and a line for each row. One blank before, two between columns."""
    widths = _fitted(columns, rows, width)
    head = [
        padded(line(column.head, Tone.DIM), size, right=column.right)
        for column, size in widths.items()
    ]
    lines = [_joined(head), *(_row(row, columns, widths, width) for row in rows)]
    return Table(lines, widths, [column for column in columns if column not in widths])


def _row(row: Row, columns: Sequence[Column], widths: dict[Column, int], width: int) -> Line:
    parts: list[Line] = []
    used = _INDENT
    for column, cell in zip(columns, row.cells, strict=True):
        if column not in widths:
            continue
        room = width - used
        if row.whole and parts:
            return _joined([*parts, cut(row.whole, room)])
        if row.rest is not None and column is row.rest[0] and width_of(row.rest[1]) <= room:
            return _joined([*parts, row.rest[1]])
        parts.append(padded(cell, widths[column], right=column.right))
        used += widths[column] + _GAP
    return _joined(parts)


def _fitted(columns: Sequence[Column], rows: Sequence[Row], width: int) -> dict[Column, int]:
    """How wide each column is that fits, in their order. One that may be cut gets its least until
    those that it makes room for have theirs; then what is left, before any other.
    """
    figures = [row for row in rows if not row.whole]
    wanted = {
        column: max(cells(column.head), *(width_of(row.cells[at]) for row in figures), 0)
        for at, column in enumerate(columns)
    }
    kept: dict[Column, int] = {}

    def room() -> int:
        return width - _INDENT - sum(taken + _GAP for taken in kept.values())

    def stretch(below: int) -> None:
        for column in kept:
            if column.least is not None and column.for_rank < below:
                kept[column] = min(wanted[column], kept[column] + max(0, room() + _GAP))

    for column in sorted(columns, key=lambda column: column.rank):
        stretch(column.rank)
        need = wanted[column]
        least = need if column.least is None else min(need, column.least)
        if column.rank == 0 or least <= room():
            kept[column] = least
    stretch(max(column.rank for column in columns) + 1)
    return {column: kept[column] for column in columns if column in kept}


def _joined(parts: Sequence[Line]) -> Line:
    spans: list[Span] = [Span(" " * _INDENT)]
    for at, part in enumerate(parts):
        spans += [*([Span(" " * _GAP)] if at else []), *part]
    return tuple(spans)
