"""Lines for a terminal: stretches of text with a tone, measured in cells.

Without Rich, whose import takes longer than to ask eight cards. Foreign text passes through
:func:`mixvllm.cli.streams.visible` before it becomes a span.
"""

import os
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, TextIO, TypeAlias

from mixvllm.cli.text.style import Paint, Tone

_NO_WIDTH: Final = {"Mn", "Me", "Cf"}  # marks over the letter before, signs for what is around them
_UNTOLD: Final = 80  # columns, where there is no terminal to ask
# Symbols of a line, and what a terminal of ASCII gets for them; of a degree the unit says enough.
_TWINS: Final = str.maketrans("█░…▁▂▃▄▅▆▇·", "#.~_.,:-=+.", "°")


class Span(NamedTuple):
    """A stretch of text in one tone."""

    text: str
    tone: Tone | None = None


Line: TypeAlias = tuple[Span, ...]


def cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(c) in _NO_WIDTH
        else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )  # fmt: skip


def line(text: str, tone: Tone | None = None) -> Line:
    """A line of one tone."""
    return (Span(text, tone),) if text else ()


def width_of(spans: Line) -> int:
    """Cells that a line takes."""
    return sum(cells(span.text) for span in spans)


def cut(spans: Line, width: int) -> Line:
    """At most ``width`` cells; the last one an ellipsis where some are missing."""
    if width_of(spans) <= width:
        return spans
    room, kept = width - 1, []
    for text, tone in spans:
        taken = 0
        while taken < len(text) and cells(text[: taken + 1]) <= room:
            taken += 1
        kept.append(Span(text[:taken], tone))
        room -= cells(text[:taken])
        if taken < len(text):
            break
    return (*kept, Span("…")) if width > 0 else ()


def padded(spans: Line, width: int, *, right: bool = False) -> Line:
    """Exactly ``width`` cells, cut or filled up."""
    shorter = cut(spans, width)
    blank = Span(" " * (width - width_of(shorter)))
    return (blank, *shorter) if right else (*shorter, blank)


def joined(parts: Iterable[Line], gap: str) -> Line:
    """The parts with a gap between them."""
    spans: list[Span] = []
    for part in parts:
        spans += [Span(gap), *part] if spans else part
    return tuple(spans)


def wrapped(text: str, width: int, *, indent: str = "") -> list[str]:
    """The text in lines of at most ``width`` cells, broken at spaces; all but the first one
    begin with ``indent``.
    """
    bare = text.lstrip(" ")
    first, *words = bare.split(" ")
    lines = [text[: len(text) - len(bare)] + first]
    for word in words:
        longer = f"{lines[-1]} {word}"
        if cells(longer) > width:
            lines.append(f"{indent}{word}")
        else:
            lines[-1] = longer
    return lines


def in_ascii(spans: Line) -> Line:
    """The same for a terminal that knows no more than ASCII; before it is measured."""
    return tuple(Span(_in_ascii(text), tone) for text, tone in spans)


def _in_ascii(text: str) -> str:
    return text.translate(_TWINS).encode("ascii", "replace").decode()


def written(spans: Line, paint: Paint, *, ascii_only: bool = False) -> str:
    """What is printed: tones as they are wanted, no blanks at the end."""
    last = len(spans)
    while last and not spans[last - 1].text.rstrip():
        last -= 1
    texts = [span.text for span in spans[:last]]
    if texts:
        texts[-1] = texts[-1].rstrip()
    if ascii_only:
        texts = [_in_ascii(text) for text in texts]
    return "".join(
        text if span.tone is None else paint(text, span.tone)
        for text, span in zip(texts, spans, strict=False)
    )


def columns_of(stream: TextIO, environ: Mapping[str, str] = os.environ) -> int:
    """How wide a line may be: COLUMNS, else what the terminal says, else 80."""
    wish = environ.get("COLUMNS", "")
    if wish.isdecimal() and int(wish):
        return int(wish)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _UNTOLD
    except (OSError, ValueError):
        return _UNTOLD


def takes_ascii_only(stream: TextIO) -> bool:
    """Whether the stream has no letters but those of ASCII."""
    try:
        "█░…°▁".encode(stream.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return True
    return False
