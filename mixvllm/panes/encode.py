"""A line of the picture as bytes for a terminal."""

from typing import Final

from rich.cells import cell_len

from mixvllm.panes.line import Line
from mixvllm.panes.symbols import KNOWN
from mixvllm.panes.tones import escapes

_SURE: Final = KNOWN.union(map(chr, range(0x20, 0x7F)))


def encode(line: Line, *, color: bool) -> bytes:
    """Text and colours of a line.

    After foreign text the cursor is set to the column where we believe it is (CHA), so
    a terminal that measures a character otherwise cannot shift the borders.
    """
    parts: list[str] = []
    column = 1
    for text, tone in line:
        before, after = escapes(tone, color)
        parts += (before, text, after)
        if text.isascii() or _SURE.issuperset(text):
            column += len(text)
        else:
            column += cell_len(text)
            parts.append(f"\x1b[{column}G")
    return "".join(parts).encode()
