"""A line of the picture: stretches of text with a tone, measured in terminal cells.

Rich's markup is never used: brackets in a model's name or in a log stay brackets.
Foreign text passes through :func:`clean` once, where it enters a line; after that every
character has a width that terminals agree on, as far as they do.
"""

import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from rich.cells import cell_len, get_character_cell_size

from mixvllm.panes.tones import Tone

_LONGEST: Final = 4000  # characters of one text that are looked at
_CONTROLS: Final = {code: chr(0x2400 + code) for code in range(0x20)} | {
    0x09: "    ", 0x0A: " ", 0x0D: " ", 0x7F: "\u2421", 0x2028: " ", 0x2029: " ",
}  # fmt: skip
_UNSEEN: Final = frozenset({"Cf", "Cs", "Cc", "Cn", "Co"})


class Span(NamedTuple):
    """A stretch of text in one tone."""

    text: str
    tone: Tone = Tone.PLAIN


Line: TypeAlias = tuple[Span, ...]


def clean(raw: str, *, ascii_only: bool = False) -> str:
    """The text as it may stand in a cell grid.

    Control characters become visible, line ends become spaces. Characters that terminals
    measure differently or that reorder their neighbours are dropped: formats such as
    ZWJ, soft hyphens and bidi marks, variation selectors, surrogates, unassigned ones.
    """
    if raw.isascii() and raw.isprintable():
        return raw[:_LONGEST]
    return _clean(raw[:_LONGEST], ascii_only)


@lru_cache(1024)
def _clean(raw: str, ascii_only: bool) -> str:
    text = "".join(
        char
        for char in raw.translate(_CONTROLS)
        if char.isascii()
        or (unicodedata.category(char) not in _UNSEEN and not "\ufe00" <= char <= "\ufe0f")
    )
    return text.encode("ascii", "replace").decode("ascii") if ascii_only else text


def width_of(line: Line) -> int:
    """Cells that a line takes."""
    return sum(cell_len(span.text) for span in line)


def cut(text: str, width: int, ellipsis: str) -> str:
    """At most ``width`` cells of the text, the last one an ellipsis when some is missing."""
    if width <= 0:
        return ""
    # Combining marks take no cell; a hundred on one letter would still take bytes and time.
    if len(text) <= width * 4 and cell_len(text) <= width:
        return text
    room = width - cell_len(ellipsis)
    kept: list[str] = []
    for char in text[: width * 4]:
        room -= get_character_cell_size(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + ellipsis


def wrap(text: str, width: int) -> list[str]:
    """The text in pieces of at most ``width`` cells, broken between any two characters."""
    if width < 2:
        return [cut(text, width, "")]  # a wide character would never fit
    pieces: list[str] = []
    start = used = 0
    for place, char in enumerate(text):
        size = get_character_cell_size(char)
        if used + size > width:
            pieces.append(text[start:place])
            start, used = place, 0
        used += size
    return [*pieces, text[start:]]


def fit(line: Line, width: int, ellipsis: str) -> Line:
    """The line cut or padded to exactly ``width`` cells."""
    room = width
    spans: list[Span] = []
    for span in line:
        size = cell_len(span.text)
        if size > room or len(span.text) > 4 * room:
            shorter = cut(span.text, room, ellipsis)
            spans.append(Span(shorter, span.tone))
            room -= cell_len(shorter)
            break
        spans.append(span)
        room -= size
    return (*spans, Span(" " * room)) if room > 0 else tuple(spans)


def apart(left: Line, right: Line, width: int, ellipsis: str) -> Line:
    """Both ends of a line; the right one only where two cells stay between them."""
    gap = width - width_of(left) - width_of(right)
    if not right or gap < 2:
        return fit(left, width, ellipsis)
    return (*left, Span(" " * gap), *right)


def wrap_words(text: str, width: int, rows: int, ellipsis: str) -> list[str]:
    """The text in at most ``rows`` pieces, broken at spaces where there are some."""
    pieces: list[str] = []
    rest = text.rstrip()
    while rest and len(pieces) < rows - 1 and cell_len(rest) > width:
        first = wrap(rest, max(2, width))[0]
        space = first.rfind(" ") if len(first) < len(rest) and rest[len(first)] != " " else -1
        taken = space if first[: max(0, space)].strip() else len(first)
        pieces.append(rest[:taken].rstrip())
        rest = rest[taken:].lstrip()
    return [*pieces, cut(rest, width, ellipsis)] if rest else pieces


def joined(parts: list[Line], gap: str = "   ") -> Line:
    """The parts that say something, with a gap between them."""
    line: list[Span] = []
    for part in parts:
        if part:
            line += [Span(gap), *part] if line else part
    return tuple(line)
