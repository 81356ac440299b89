"""Which stretches of a profile's text hold secrets, and the text without them.

The tree knows what an alias stands for and where a value on the next line ends; the lines
alone must do where there is no tree. Both are looked at.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.core.origin import FileSpan
from mixvllm.settings.secrets import hides, hides_path, is_reference, redact, secret_value
from mixvllm.settings.tree import Mapping, Node, Scalar, Sequence, lines_of, scalars

_OTHER_BREAKS: Final = re.compile("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")  # no line ends in YAML
_ENTRY: Final = re.compile(r"[\w-]+:(?:\s|$)")
_ANYTHING: Final = "\n"
_SHORTEST: Final = 4  # a shorter word is part of others: it is not looked for in messages
_MASK: Final = "***"


def secret_scalars(root: Node) -> Iterator[Scalar]:
    """The values that stand under a key of a secret's name, through aliases too."""
    waiting: list[Node] = [root]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        match node:
            case Sequence(items=items):
                waiting.extend(items)
            case Mapping(entries=entries):
                for entry in entries:
                    if hides(entry.key.text):
                        yield from (s for _, s in scalars(entry.value) if not is_reference(s.text))
                    else:
                        waiting.append(entry.value)
            case _:
                pass


def shown_text(text: str, hidden: Iterable[FileSpan]) -> str:
    """A profile's text as it may be shown: the same lines, as long as before, secrets as stars."""
    ends = [m.end() for m in re.finditer(r"\r\n|\r|\n", text)]
    starts = [0, *ends]
    letters = list(text)
    for span in hidden:
        if span.line > len(starts) or span.end_line > len(starts):
            continue
        begin = starts[span.line - 1] + span.column - 1
        _blot(letters, begin, starts[span.end_line - 1] + span.end_column - 1)
    for begin, end in _by_lines(text, starts):
        _blot(letters, begin, end)
    shown = "".join(letters)
    pieces = [shown[begin:end] for begin, end in pairwise([*starts, len(shown)])]
    return _OTHER_BREAKS.sub(" ", "".join(map(_redacted, pieces)))


def _redacted(line: str) -> str:
    body = line.rstrip("\r\n")
    return redact(body) + line[len(body) :]


def _blot(letters: list[str], begin: int, end: int) -> None:
    for i in range(max(0, begin), min(end, len(letters))):
        if letters[i] not in "\r\n\t ":
            letters[i] = "*"


def _by_lines(text: str, starts: list[int]) -> Iterator[tuple[int, int]]:
    """What follows a secret key on its line, and the lines below that are its value."""
    inside: int | None = None  # the indentation of the key whose value goes on
    until = ""  # what ends the value: its quote; or anything, when it has not begun
    for begin, line in zip(starts, lines_of(text), strict=False):
        bare = line.strip()
        indent = len(line) - len(line.lstrip(" "))
        if until and bare:
            waiting, until = until, "" if until == _ANYTHING or until in line else until
            if waiting != _ANYTHING or not (indent <= (inside or 0) and _ENTRY.match(bare)):
                if not is_reference(bare.lstrip("- ")):
                    yield begin + indent, begin + len(line)
                continue
        if inside is not None and bare:
            listed = indent == inside and bare.startswith("-")
            if indent > inside or listed:
                if not bare.startswith("#") and not is_reference(bare.lstrip("- ")):
                    yield begin + indent, begin + len(line)
                continue
            inside = None
        at = secret_value(line)
        if at is not None and not bare.startswith("#"):
            inside = indent
            value = line[at:].strip()
            if not value:
                until = _ANYTHING
            elif value[0] in "'\"" and value[0] not in value[1:]:
                until = value[0]
            if at < len(line):
                yield begin + at, begin + len(line)


def without_secrets(
    found: Iterable[Diagnostic],
    hidden: tuple[FileSpan, ...],
    words: frozenset[str],
    unseen: tuple[tuple[FileSpan, str], ...] = (),
) -> tuple[Diagnostic, ...]:
    """Findings that repeat no secret: those at a secret's place, or under its key, are cleaned;
    so are those at a place that was filled in with what is not to be seen.
    """
    words = words.union(text for _, text in unseen)
    words = frozenset(word for word in words if len(word) >= _SHORTEST)
    places: dict[tuple[Path, int], list[FileSpan]] = {}  # by each of their lines
    for span in (*hidden, *(span for span, _ in unseen)):
        for line in range(span.line, span.end_line + 1):
            places.setdefault((span.path, line), []).append(span)
    return tuple(_clean(d, words) if _near(d, places) else d for d in found)


def _near(found: Diagnostic, hidden: dict[tuple[Path, int], list[FileSpan]]) -> bool:
    if hides_path(found.key):
        return True
    origin = found.origin
    return isinstance(origin, FileSpan) and any(
        (span.line, span.column) < (origin.end_line, max(origin.end_column, 2))
        and (origin.line, origin.column) < (span.end_line, span.end_column)
        for line in range(origin.line, origin.end_line + 1)
        for span in hidden.get((origin.path, line), ())
    )


def _clean(found: Diagnostic, words: frozenset[str]) -> Diagnostic:
    def without(text: str) -> str:
        for word in words:
            text = text.replace(word, _MASK)
        return text

    fix = found.fix
    if fix is not None and without(fix.text) != fix.text:
        fix = None
    return replace(
        found, message=without(found.message), label=without(found.label),
        hint=without(found.hint), fix=fix,
    )  # fmt: skip
