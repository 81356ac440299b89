"""Use case: make the fixes that are certain, and prove each one.

A fix is a promise: its finding is gone, and nothing at that place is an error that was none
before. A profile can break it (the text is also what an alias stands for, the key that was meant
is there already), so after every round the text is checked anew, and a fix that did not keep its
promise is taken back. Mending one thing may bring another to light, in a section whose name was
misspelt, so rounds follow one another until nothing is left to do.

Only the profile itself is edited, never a file that it extends: other profiles may extend it too.
Text that was no YAML at first is left alone unless it is when all is done.
"""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final, TypeAlias

from mixvllm.core.diagnostic import Applicability, Diagnostic, Fix, Severity
from mixvllm.core.edits import apply, stretches
from mixvllm.core.origin import FileSpan
from mixvllm.services.check import Checked, Request, check
from mixvllm.services.files.difference import difference
from mixvllm.services.files.rewrite import encoded
from mixvllm.settings.profile_file import read_bytes
from mixvllm.settings.yaml import parse_profile

_ROUNDS: Final = 100  # a fault of syntax hides the next: each takes a round of its own

_Wanted: TypeAlias = tuple[Diagnostic, Fix]


@dataclass(frozen=True)
class Mended:
    """A profile's bytes with and without its fixes, and what was found in each."""

    request: Request
    raw: bytes
    mended: bytes
    before: Checked
    after: Checked
    fixed: tuple[Diagnostic, ...]

    @cached_property
    def diff(self) -> str:
        """The edits as a unified diff; empty without any. A secret in it is stars."""
        return difference(self.request.path, self.raw, self.before.resolved, self.after.resolved)


def mend(request: Request) -> Mended:
    """Make every fix that is certain. Nothing is written.

    Raises:
        MachineFault: as :func:`mixvllm.services.check.check`.
    """
    path = request.path
    raw = read_bytes(path) if request.text is None else request.text
    before = check(replace(request, text=raw))
    round_ = _Round(replace(request, look=False), raw, before, ())  # the machine is seen once
    refused: set[tuple[object, ...]] = set()
    for _ in range(_ROUNDS):
        following = _next(round_, refused)
        if following is None:
            break
        round_ = following
    if not round_.fixed or not _is_yaml(round_.raw, path):
        return Mended(request, raw, raw, before, before, ())
    after = check(replace(request, text=round_.raw))
    return Mended(request, raw, round_.raw, before, after, round_.fixed)


@dataclass(frozen=True, slots=True)
class _Round:
    """The text so far, what is found in it, and what is found in it no more."""

    request: Request
    raw: bytes
    checked: Checked
    fixed: tuple[Diagnostic, ...]


def _next(now: _Round, refused: set[tuple[object, ...]]) -> _Round | None:
    """One round further; None when no fix is left that keeps its promise."""
    wanted = _wanted(now, refused)
    was_yaml = bool(wanted) and _is_yaml(now.raw, now.request.path)
    while wanted:
        text = now.raw.decode("utf-8-sig")
        fixes = [fix for _, fix in wanted]
        raw = encoded(apply(text, fixes), now.raw)
        checked = check(replace(now.request, text=raw))
        if was_yaml and not _is_yaml(raw, now.request.path):
            broken = wanted
        else:
            places = zip(wanted, stretches(text, fixes), strict=True)
            left = _left(now.checked, wanted, checked) if was_yaml else set()
            broken = [
                item
                for item, place in places
                if _told(item[0]) in left or _broke(item, place, now.checked, checked)
            ]
        if not broken:
            fixed = tuple(found for found, _ in wanted)
            return _Round(now.request, raw, checked, (*now.fixed, *fixed))
        wanted = [item for item in wanted if item not in broken[1:]]
        if len(broken) == 1:  # of several the first may have spoilt the others: it is tried again
            wanted.remove(broken[0])
            refused.add(_name(broken[0]))
            wanted = wanted or _wanted(now, refused)
    return None


def _wanted(now: _Round, refused: set[tuple[object, ...]]) -> list[_Wanted]:
    """The certain fixes of the profile's own text; of two that overlap the first."""
    chosen: list[_Wanted] = []
    fixes = [(found, found.fix) for found in now.checked.diagnostics if found.fix is not None]
    for item in sorted(fixes, key=lambda item: _begin(item[1].span)):
        fix = item[1]
        if (
            fix.applicability is Applicability.SAFE
            and fix.span.path == now.request.path
            and _name(item) not in refused
            and (not chosen or _end(chosen[-1][1].span) < _begin(fix.span))
        ):
            chosen.append(item)
    return chosen


def _left(before: Checked, wanted: list[_Wanted], after: Checked) -> set[tuple[object, ...]]:
    """What is found as often as if its fix had not been made: under another key, say."""
    expected = Counter(map(_told, before.diagnostics)) - Counter(_told(d) for d, _ in wanted)
    return set(Counter(map(_told, after.diagnostics)) - expected)


def _broke(item: _Wanted, place: FileSpan, before: Checked, after: Checked) -> bool:
    """Whether a fix did not mend its finding, or made an error where it is."""
    fixed, fix = item
    there = {d.code for d in before.diagnostics if _meet(d, fix.span)} - {fixed.code}
    return any(
        (d.code == fixed.code and d.key == fixed.key)
        or (d.severity is Severity.ERROR and d.code not in there)
        for d in after.diagnostics
        if _meet(d, place)
    )


def _meet(found: Diagnostic, span: FileSpan) -> bool:
    """Whether a finding speaks of a stretch of the text, at its first or a second place."""
    places = (found.origin, *(item.origin for item in found.related))
    return any(
        isinstance(place, FileSpan)
        and place.path == span.path
        and _begin(place) < _end(span)
        and _begin(span) < _end(place)
        for place in places
    )


def _begin(span: FileSpan) -> tuple[int, int]:
    return span.line, span.column


def _end(span: FileSpan) -> tuple[int, int]:
    return span.end_line, span.end_column


def _told(found: Diagnostic) -> tuple[object, ...]:
    return found.code, found.key, found.message


def _name(item: _Wanted) -> tuple[object, ...]:
    """What a finding is called from round to round; its column may move, its line does not."""
    found, fix = item
    return *_told(found), fix.span.line


def _is_yaml(raw: bytes, path: Path) -> bool:
    return parse_profile(raw, path).root is not None
