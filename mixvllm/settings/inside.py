"""Where a character of a value stands in the profile: behind quotes, escapes and indentation."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from mixvllm.core.origin import FileSpan, Origin
from mixvllm.settings.written import written

_ESCAPE: Final = re.compile(r"\\(?:x..|u.{4}|U.{8}|\n\s*|.)")
_LONGEST: Final = 16_000  # characters of a value
_BLOCK_HEADER: Final = re.compile(r"[|>][^\n]*\n")


def place_inside(
    texts: Mapping[Path, str], origin: Origin, value: str, begin: int, end: int
) -> Origin:
    """The place of ``value[begin:end]``, where ``value`` is what the scalar at ``origin`` means.

    The whole scalar where that cannot be said: a value that is filled in stands nowhere, and in
    one of many thousands of characters nobody looks.
    """
    source = written(texts, origin) if len(value) <= _LONGEST else None
    if source is None or not isinstance(origin, FileSpan) or "${" in source or not value.strip():
        return origin
    source = re.sub("\r\n?", "\n", source)
    steps = _steps(source, value)
    if steps is None:
        return origin
    starts = [*steps, len(source) - (source[:1] in ("'", '"'))]
    line, column = _moved(origin, source, starts[begin])
    last = starts[end - 1] + 1 if end > begin and starts[end - 1] >= 0 else starts[begin] + 1
    end_line, end_column = _moved(origin, source, last)
    if end_line != line:  # the end of a line of a block
        end_line, end_column = line, column + 1
    return FileSpan(origin.path, line, column, end_line, end_column, origin.included_by)


@lru_cache(maxsize=4)
def _steps(source: str, value: str) -> tuple[int, ...] | None:
    """For each character of ``value`` the index in ``source``; None where the two do not agree.

    Line breaks and indentation may be folded, so of white space only the order counts.
    """
    header = _BLOCK_HEADER.match(source)
    quote = source[0] if source[:1] in ("'", '"') else ""
    at = header.end() if header else len(quote)
    steps: list[int] = []
    for character in value:
        if not character.isspace():
            at = _skip_space(source, at, quote)
        steps.append(at)
        step = _width(source, at, character, quote)
        if step is None:
            return None
        at += step
    return tuple(steps)


def _skip_space(source: str, at: int, quote: str) -> int:
    while at < len(source):
        if source[at].isspace():
            at += 1
        elif quote == '"' and source.startswith("\\\n", at):
            at += 2
        else:
            break
    return at


def _width(source: str, at: int, character: str, quote: str) -> int | None:
    """How many characters of the source stand for this one; None: another stands there."""
    if quote == '"' and source[at : at + 1] == "\\" and (escape := _ESCAPE.match(source, at)):
        return len(escape[0])
    if quote == "'" and source.startswith("''", at):
        return 2
    if source[at : at + 1] == character:
        return 1
    if character.isspace():
        return 1 if source[at : at + 1].isspace() else 0
    return None


def _moved(origin: FileSpan, source: str, index: int) -> tuple[int, int]:
    before = source[:index].split("\n")
    if len(before) == 1:
        return origin.line, origin.column + index
    return origin.line + len(before) - 1, len(before[-1]) + 1
