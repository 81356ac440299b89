"""A profile's text as a tree in which every key and value knows its place.

Scalars follow the core schema of YAML 1.2 (`no` is a string, 010 is ten); what an older
parser would have read otherwise is reported by :mod:`mixvllm.settings.traps`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from mixvllm.core.origin import FileSpan, KeyPath

_INT: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INF: Final = re.compile(r"[-+]?\.(inf|Inf|INF)")
_WORDS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_DIGITS: Final = 400  # longer integers are no setting; Python refuses them at 4300

UNAVAILABLE: Final = "unavailable"  # the tag of a value that could not be had; a finding said why

ScalarValue: TypeAlias = str | int | float | bool | None


def plain_value(text: str) -> ScalarValue:
    """An unquoted word as YAML 1.2 reads it."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) < _DIGITS:
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base)
    if _FLOAT.fullmatch(text) and len(text) < _DIGITS:
        return float(text)
    if _INF.fullmatch(text):
        return float("-inf") if text.startswith("-") else float("inf")
    return float("nan") if text in (".nan", ".NaN", ".NAN") else text


@dataclass(frozen=True, slots=True)
class Scalar:
    """A word, a number, a quoted or a block text. ``plain`` means unquoted."""

    span: FileSpan
    text: str
    plain: bool
    tag: str | None = None

    @property
    def value(self) -> ScalarValue:
        """What the text means; a tag such as ``!!str`` decides, else the quotes do."""
        if self.tag == "str" or (self.tag is None and not self.plain):
            return self.text
        return plain_value(self.text)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    span: FileSpan
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value."""

    key: Scalar
    value: "Node"


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with their values, in order, merge keys already merged."""

    span: FileSpan
    entries: tuple[Entry, ...]

    def find(self, name: str) -> Entry | None:
        """The entry with this key, dashes and underscores being the same."""
        wanted = name.replace("-", "_")
        return next((e for e in self.entries if e.key.text.replace("-", "_") == wanted), None)


Node: TypeAlias = Scalar | Sequence | Mapping


def kind_in_words(node: Node) -> str:
    """``a list``, ``a mapping``, ``a string`` ...: for messages."""
    match node:
        case Sequence():
            return "a list"
        case Mapping():
            return "a mapping"
        case Scalar():
            names = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}
            return names.get(type(node.value), "nothing (null)")


def scalars(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Scalar]]:
    """All values below a node that are scalars, with their paths; keys excepted."""
    match node:
        case Scalar():
            yield path, node
        case Sequence(items=items):
            for i, item in enumerate(items):
                yield from scalars(item, (*path, i))
        case Mapping(entries=entries):
            for entry in entries:
                yield from scalars(entry.value, (*path, entry.key.text))


@lru_cache(maxsize=8)
def lines_of(text: str) -> tuple[str, ...]:
    """The lines of a YAML 1.2 text, counted as ruamel.yaml counts them: U+2028 ends none.

    Kept for a while: thousands of findings in one text ask for its lines.
    """
    return tuple(re.split(r"\r\n|\r|\n", text))
