"""What was found, as it is told: one finding for one fault, and no fix that does not fit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Related, Severity, in_order
from mixvllm.core.origin import FileSpan, Origin
from mixvllm.settings.written import written

_LONGEST: Final = 1000  # characters of a message
_HOLES: Final = {"MX014", "MX022", "MX510", "MX511", "MX512", "MX513"}  # no value could be had


def as_told(found: Iterable[Diagnostic], texts: Mapping[Path, str]) -> tuple[Diagnostic, ...]:
    """The findings in order, of profiles with these texts."""
    return tuple(map(_clipped, _without_echoes([_with_fix_that_fits(d, texts) for d in found])))


def _without_echoes(found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """One finding for one fault: what the structure's check refused at a key is not refused
    again as a vLLM option or a model's, and MX251 (no command line can say it) is the last word
    of all. MX115 knows better than MX110 what to write. What is refused is not doubted as
    well, and of a value that could not be filled in nothing more is said.
    """
    errors = [d for d in found if d.severity is Severity.ERROR]
    structure = {d.key for d in errors if d.code < "MX200"}
    others = {d.key[:n] for d in errors if d.code != "MX251" for n in range(1, len(d.key) + 1)}
    numbers = {d.key for d in errors if d.code == "MX115"}
    holes = [d.origin for d in errors if d.code in _HOLES]
    refused = {d.origin for d in errors if isinstance(d.origin, FileSpan)}
    return in_order(
        [
            _with_includer(d)
            for d in found
            if not (d.key and d.code[:3] in ("MX2", "MX7") and d.key in structure)
            and not (d.code == "MX251" and d.key in others)
            and not (d.code == "MX110" and d.key in numbers)
            and not (d.rule and any(_holds(d.origin, hole) for hole in holes))
            and not (d.severity is Severity.WARNING and d.code[:3] == "MX6" and d.origin in refused)
        ]
    )


def _holds(outer: Origin, inner: Origin) -> bool:
    """Whether the second place lies in the first."""
    if not isinstance(outer, FileSpan) or not isinstance(inner, FileSpan):
        return False
    return outer.path == inner.path and (
        (outer.line, outer.column) <= (inner.line, inner.column)
        and (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)
    )


def _with_fix_that_fits(found: Diagnostic, texts: Mapping[Path, str]) -> Diagnostic:
    """Without a fix that would write out what is filled in (``${env:...}``), that would put one
    word in place of several lines, or that changes nothing.
    """
    fix = found.fix
    old = None if fix is None else written(texts, fix.span)
    if fix is None or old is None:
        return found
    fits = fix.text != old and "${" not in old and ("\n" not in old or not fix.text)
    return found if fits else replace(found, fix=None)


def _clipped(found: Diagnostic) -> Diagnostic:
    """Without the middle of what nobody reads to its end: a value of 200,000 characters."""

    def short(text: str) -> str:
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} ... {text[-100:]}"

    if max(map(len, (found.message, found.label, found.hint))) <= _LONGEST:
        return found
    return replace(
        found, message=short(found.message), label=short(found.label), hint=short(found.hint)
    )


def _with_includer(found: Diagnostic) -> Diagnostic:
    """A finding in an extended file also names the line that brought the file in."""
    includer = found.origin.included_by if isinstance(found.origin, FileSpan) else None
    if includer is None or any(item.origin == includer for item in found.related):
        return found
    return replace(found, related=(*found.related, Related(includer, "included here")))
