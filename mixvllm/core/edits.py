"""Edits of a text: stretches replaced, every other character as it was."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from mixvllm.core.diagnostic import Fix
from mixvllm.core.origin import FileSpan

_LINE_END: Final = re.compile(r"\r\n|\r|\n")  # as YAML 1.2 counts lines: U+2028 ends none


def apply(text: str, edits: Iterable[Fix]) -> str:
    """The text with every stretch replaced; all of them stand in the text as it is given.

    Raises:
        ValueError: two edits overlap, or one lies outside the text.
    """
    starts = _line_starts(text)
    placed = sorted((*_offsets(edit.span, starts, len(text)), edit.text) for edit in edits)
    for (_, end, _), (begin, _, _) in pairwise(placed):
        if begin < end:
            raise ValueError("two edits overlap")
    pieces: list[str] = []
    at = 0
    for begin, end, replacement in placed:
        pieces += [text[at:begin], replacement]
        at = end
    return "".join([*pieces, text[at:]])


def stretches(text: str, edits: Sequence[Fix]) -> tuple[FileSpan, ...]:
    """Where in the edited text each edit's new characters stand, those that it left as they were
    not counted: of ``model:m`` that became ``model: m`` the space. In the order of the edits,
    which is that of the text.
    """
    starts, edited = _line_starts(text), _line_starts(apply(text, edits))
    shift = 0
    found: list[FileSpan] = []
    for edit in edits:
        begin, end = _offsets(edit.span, starts, len(text))
        old, new = text[begin:end], edit.text
        same = _alike(old, new)
        tail = _alike(old[same:][::-1], new[same:][::-1])
        first, last = begin + shift + same, begin + shift + len(new) - tail
        line, end_line = bisect_right(edited, first), bisect_right(edited, last)
        found.append(
            replace(
                edit.span, line=line, column=first - edited[line - 1] + 1,
                end_line=end_line, end_column=last - edited[end_line - 1] + 1,
            )
        )  # fmt: skip
        shift += len(new) - len(old)
    return tuple(found)


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def _line_starts(text: str) -> list[int]:
    return [0, *(match.end() for match in _LINE_END.finditer(text))]


def _offsets(span: FileSpan, starts: list[int], length: int) -> tuple[int, int]:
    """Where a span begins and ends, in code points; one line past the last is the text's end."""
    begin, end = (
        starts[line - 1] + column - 1 if line <= len(starts) else length
        for line, column in ((span.line, span.column), (span.end_line, span.end_column))
    )
    if not 0 <= begin <= end <= length:
        raise ValueError(f"{span} is not in the text")
    return begin, end
