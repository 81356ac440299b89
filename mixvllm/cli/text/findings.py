"""Findings as text: the source line, a caret of the right width, and what to do."""

import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

from mixvllm.cli.streams import visible
from mixvllm.cli.text.style import Paint, Tone, wants_color
from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import FileSpan
from mixvllm.settings.secrets import redact

_TONES = {
    Severity.ERROR: Tone.BROKEN,
    Severity.WARNING: Tone.DOUBTFUL,
    Severity.INFO: Tone.NAME,
}
_LONGEST = 160  # characters of a source line that are shown
_NO_WIDTH = {"Mn", "Me", "Cf"}  # marks over the letter before, signs for what is around them


def cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(
        0 if unicodedata.category(c) in _NO_WIDTH
        else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )  # fmt: skip


def show_findings(
    diagnostics: Sequence[Diagnostic],
    texts: Mapping[Path, str],
    *,
    stream: IO[str] | None = None,
) -> None:
    """Print findings, each with its lines of the profile."""
    out = stream or sys.stdout
    paint = Paint(on=wants_color(out))
    lines = {path: text.splitlines() for path, text in texts.items()}
    columns = terminal_columns(out)
    for diagnostic in diagnostics:
        print("\n".join(_block(diagnostic, lines, paint, columns)), file=out)


def terminal_columns(stream: IO[str]) -> int | None:
    """How wide the terminal is that a stream goes to; None for what is no terminal, where no
    line is broken: programs read it.
    """
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def _block(
    diagnostic: Diagnostic,
    texts: Mapping[Path, Sequence[str]],
    paint: Paint,
    columns: int | None,
) -> Iterable[str]:
    tone = _TONES[diagnostic.severity]
    head = paint(f"{diagnostic.severity.value}[{diagnostic.code}]", tone)
    yield f"{head}{paint(': ' + visible(diagnostic.message), Tone.STRONG)}"
    yield f"{paint('  -->', Tone.NAME)} {visible(str(diagnostic.origin))}"
    marks: list[tuple[FileSpan, str, str]] = []
    elsewhere: list[str] = []
    origin = diagnostic.origin
    if isinstance(origin, FileSpan) and texts.get(origin.path):
        marks.append((origin, diagnostic.label, "^"))
    elif diagnostic.label:
        yield from _note(diagnostic.label, 2, paint, columns)
    for item in diagnostic.related:
        place = item.origin
        if marks and isinstance(place, FileSpan) and place.path == marks[0][0].path:
            marks.append((place, item.label, "-"))
        else:
            where = visible(f"{place}: {item.label}")
            elsewhere.append(f"{paint('  :::', Tone.NAME)} {where}")
    if marks:
        in_order = sorted(marks, key=lambda m: (m[0].line, m[0].column))
        yield from snippet(in_order, texts, tone, paint)
    yield from elsewhere
    if diagnostic.hint:
        gap = _width(marks) + 2 if marks else 2
        yield from _note(diagnostic.hint, gap, paint, columns)


def _note(text: str, gap: int, paint: Paint, columns: int | None) -> Iterable[str]:
    """What is said below the lines of the profile, as wide as the terminal."""
    first, *rest = _wrapped(visible(text), columns and columns - gap - 2)
    yield f"{' ' * gap}{paint('=', Tone.NAME)} {first}"
    yield from (f"{' ' * gap}  {line}" for line in rest)


def _wrapped(text: str, columns: int | None) -> Sequence[str]:
    """Lines of so many columns; a word that is longer is left whole. Blanks stay as they are."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if columns is not None and lines[-1] and cells(longer) > columns:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _width(marks: Sequence[tuple[FileSpan, str, str]]) -> int:
    """Columns of the largest line number."""
    return len(str(max(span.line for span, _, _ in marks)))


def snippet(
    marks: Sequence[tuple[FileSpan, str, str]],
    texts: Mapping[Path, Sequence[str]],
    tone: Tone,
    paint: Paint,
) -> Iterable[str]:
    """Lines of a profile, each with a sign and a label under a stretch of it."""
    width = _width(marks)
    bar = paint(f"{'':>{width}}  |", Tone.NAME)
    yield bar
    before: tuple[int, int] | None = None
    for span, label, sign in marks:
        source = texts[span.path]
        raw = source[span.line - 1] if span.line <= len(source) else ""
        cut = _cut(span, raw)
        head, tail = "..." if cut else "", "..." if cut + _LONGEST < len(raw) else ""
        if (span.line, cut) != before:
            if before is not None and span.line > before[0] + 1:
                yield paint(" ...", Tone.NAME)
            number = paint(f" {span.line:>{width}} |", Tone.NAME)
            yield f"{number} {head}{visible(redact(raw[cut : cut + _LONGEST]))}{tail}"
        before = span.line, cut
        end = span.end_column if span.end_line == span.line else len(raw) + 1
        left = len(head) + cells(visible(raw[cut : span.column - 1]))
        length = max(1, cells(visible(raw[span.column - 1 : min(end - 1, cut + _LONGEST)])))
        under = f"{sign * length} {visible(label)}".rstrip()
        yield f"{bar} {' ' * left}{paint(under, tone if sign == '^' else Tone.NAME)}"
    yield bar


def _cut(span: FileSpan, line: str) -> int:
    """Where the shown part of a long line begins, so that the span is in it."""
    if len(line) <= _LONGEST or span.column < _LONGEST * 3 // 4:
        return 0
    return span.column - 1 - _LONGEST // 4


def count_in_words(errors: int, warnings: int, notes: int = 0) -> str:
    """``2 errors, 1 warning``."""
    parts = []
    if errors:
        parts.append(f"{errors} error{'s' if errors > 1 else ''}")
    if warnings:
        parts.append(f"{warnings} warning{'s' if warnings > 1 else ''}")
    if notes:
        parts.append(f"{notes} note{'s' if notes > 1 else ''}")
    return ", ".join(parts) or "no findings"
