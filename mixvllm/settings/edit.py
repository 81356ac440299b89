"""A profile's keys taken out, renamed and added, as edits of its text.

Only what must change is edited: comments, order, quotes and blank lines of everything else stay
as they are. A key that is merged in from an anchor is edited where it stands.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mixvllm.core.diagnostic import Fix
from mixvllm.core.edits import apply
from mixvllm.core.origin import FileSpan, KeyPath
from mixvllm.settings.fields import option_name
from mixvllm.settings.tree import Entry, Node, Scalar, Sequence, lines_of, plain_value
from mixvllm.settings.tree import Mapping as YamlMapping

_PLAIN: Final = re.compile(r"[A-Za-z./_][\w./-]*")
_WORDS: Final = {"y", "n", "yes", "no", "on", "off"}  # booleans of YAML 1.1
_PROPERTIES: Final = re.compile(r"(?:[&!]\S*\s+)*")  # an anchor, a tag


class CannotEdit(ValueError):
    """A key that cannot be edited in place; the reason follows its name."""


@dataclass(frozen=True, slots=True)
class _Found:
    """An entry, and the mapping it stands in."""

    entry: Entry
    parent: YamlMapping


class ProfileEdit:
    """Edits of one file. All are of the text as it is; `edited` makes them together."""

    def __init__(self, root: YamlMapping, text: str, path: Path) -> None:
        self._root = root
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._missing = "" if text.endswith(("\n", "\r")) else self._newline  # at the end
        self._text = text + self._missing
        self._lines = lines_of(self._text)
        self._path = path
        self._replaced: dict[KeyPath, dict[str, object]] = {}  # {} takes the entry out
        self._renamed: dict[KeyPath, str] = {}
        self._added: dict[str, object] = {}

    def rename(self, path: KeyPath, name: str) -> None:
        """Give a key another name, in the spelling (``_`` or ``-``) of the old one."""
        self._find(path)
        self._renamed[path] = name

    def replace(self, path: KeyPath, entries: Mapping[str, object]) -> None:
        """Put other entries in a key's place; none takes it out.

        Raises:
            CannotEdit: the key does not stand in this file as a key of its own.
        """
        self._find(path)
        self._replaced[path] = dict(entries)

    def add(self, options: Mapping[str, object]) -> None:
        """Add options to ``vllm.args``, which is made where there is none."""
        self._added |= options

    def edited(self, *others: Fix) -> str:
        """The text with all edits, and with others of the same text.

        Raises:
            CannotEdit: options cannot be added.
            ValueError: two edits overlap.
        """
        own = (*self._renames(), *self._replacements(), *self._additions())
        return apply(self._text, (*own, *others)).removesuffix(self._missing)

    def _renames(self) -> Iterator[Fix]:
        for path, name in self._renamed.items():
            key = self._find(path).entry.key
            yield Fix(key.span, _spelled(name, like=key.text))

    def _replacements(self) -> Iterator[Fix]:
        gone = {path for path, entries in self._replaced.items() if not entries}
        for path in self._emptied(gone):
            yield self._without(self._find(path))
        for path, entries in self._replaced.items():
            if entries:
                yield self._instead(self._find(path), entries)

    def _emptied(self, gone: set[KeyPath]) -> set[KeyPath]:
        """The keys to take out: a section goes with the last of its keys."""
        below: dict[KeyPath, set[KeyPath]] = {}
        for path in gone:
            below.setdefault(path[:-1], set()).add(path)
        for parent, paths in below.items():
            left = len(self._find(next(iter(paths))).parent.entries) - len(paths)
            if not left and parent and not (self._added and parent in (("vllm",), _ARGS)):
                return self._emptied((gone - paths) | {parent})
        return gone

    def _without(self, found: _Found) -> Fix:
        """The edit that takes an entry out, with its line where it has lines of its own."""
        key, entries = found.entry.key.span, found.parent.entries
        last = self._last_line(found.entry)
        if not self._is_flow(found.parent):
            return Fix(FileSpan(self._path, key.line, 1, last + 1, 1), "")
        at = entries.index(found.entry)
        if at + 1 < len(entries):
            end = entries[at + 1].key.span
            return Fix(_between(self._path, key, end.line, end.column), "")
        value = self._end(found.entry)
        begin = self._end(entries[at - 1]) if at else (key.line, key.column)
        return Fix(FileSpan(self._path, *begin, *value), "")

    def _instead(self, found: _Found, entries: Mapping[str, object]) -> Fix:
        key = found.entry.key
        said = [
            f"{_spelled(name, like=key.text)}: {flow(value)}" for name, value in entries.items()
        ]
        if self._is_flow(found.parent):
            return Fix(_between(self._path, key.span, *self._end(found.entry)), ", ".join(said))
        indent = " " * (key.span.column - 1)
        end = self._end(found.entry)
        return Fix(_between(self._path, key.span, *end), f"{self._newline}{indent}".join(said))

    def _additions(self) -> Iterator[Fix]:
        if not self._added:
            return
        args = self._try(_ARGS)
        vllm = self._try(("vllm",))
        inner = args.entry.value if args is not None else None
        if isinstance(inner, YamlMapping) and inner.entries:
            yield self._after(inner, [f"{n}: {flow(v)}" for n, v in self._added.items()])
        elif vllm is not None and isinstance(vllm.entry.value, YamlMapping) and args is None:
            section = vllm.entry.value
            if self._is_flow(section):
                yield self._after(section, [f"args: {flow(self._added)}"])
            else:
                lines = [f"  {name}: {flow(value)}" for name, value in self._added.items()]
                yield self._after(section, ["args:", *lines])
        else:
            raise CannotEdit("there is no `vllm.args` in this file to add to")

    def _after(self, mapping: YamlMapping, said: list[str]) -> Fix:
        """Entries added behind the last one of a mapping."""
        entry = mapping.entries[-1]
        if self._is_flow(mapping):
            line, column = self._end(entry)
            return Fix(FileSpan(self._path, line, column, line, column), f", {', '.join(said)}")
        indent = " " * (entry.key.span.column - 1)
        line = self._last_line(entry) + 1
        text = "".join(f"{indent}{one}{self._newline}" for one in said)
        return Fix(FileSpan(self._path, line, 1, line, 1), text)

    def _try(self, path: KeyPath) -> _Found | None:
        try:
            return self._find(path)
        except CannotEdit:
            return None

    def _find(self, path: KeyPath) -> _Found:
        node: Node = self._root
        found: _Found | None = None
        for depth, part in enumerate(path):
            entries = node.entries if isinstance(node, YamlMapping) else ()
            in_args = path[:depth] == _ARGS
            entry = next((e for e in entries if _same(e.key.text, str(part), args=in_args)), None)
            if entry is None or not isinstance(node, YamlMapping):
                raise CannotEdit("it does not stand in this file as a key of its own")
            found = _Found(entry, node)
            node = entry.value
        if found is None or not self._is_alone(found):
            raise CannotEdit("it shares its line with other keys")
        return found

    def _is_alone(self, found: _Found) -> bool:
        """Whether nothing stands before the key on its line, where its mapping has lines."""
        key = found.entry.key.span
        before = self._lines[key.line - 1][: key.column - 1]
        return self._is_flow(found.parent) or not before.strip()

    def _is_flow(self, node: Node) -> bool:
        line = self._lines[node.span.line - 1][node.span.column - 1 :]
        properties = _PROPERTIES.match(line)
        return not isinstance(node, Scalar) and line[properties.end() if properties else 0 :][
            :1
        ] in ("{", "[")

    def _end(self, entry: Entry) -> tuple[int, int]:
        """Where an entry ends: its value; its key, where the value is an alias or nothing."""
        return self._end_of(entry.value, entry.key.span)

    def _end_of(self, node: Node, key: FileSpan) -> tuple[int, int]:
        if (node.span.line, node.span.column) < (key.end_line, key.end_column):
            return key.line, len(self._lines[key.line - 1].rstrip()) + 1  # an alias
        if isinstance(node, Scalar) or self._is_flow(node):
            line, column = node.span.end_line, node.span.end_column
            if column == 1 and line > node.span.line:  # a block text ends before the next line
                line -= 1
                while line > node.span.line and not self._lines[line - 1].strip():
                    line -= 1
                column = len(self._lines[line - 1]) + 1
            return line, column
        last = node.items[-1] if isinstance(node, Sequence) else node.entries[-1]
        if isinstance(last, Entry):
            return self._end(last)
        return self._end_of(last, FileSpan(self._path, node.span.line, 1, node.span.line, 1))

    def _last_line(self, entry: Entry) -> int:
        return self._end(entry)[0]


_ARGS: Final = ("vllm", "args")


def _same(written: str, name: str, *, args: bool) -> bool:
    if args:
        return option_name(written) == option_name(name)
    return written == name or written.replace("-", "_") == name


def _spelled(name: str, *, like: str) -> str:
    """A new name in the manner of the old one: with underscores, with dashes in front."""
    dashes = "--" if like.startswith("--") else ""
    bare = like.removeprefix("--")
    snake = "_" in bare and "-" not in bare
    return dashes + (name.replace("-", "_") if snake else name)


def _between(path: Path, key: FileSpan, line: int, column: int) -> FileSpan:
    return FileSpan(path, key.line, key.column, line, column)


def flow(value: object) -> str:
    """A value on one line of YAML: ``{profiler: torch, max_iterations: 3}``."""
    match value:
        case str():
            plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
            return value if plain and plain_value(value) == value else json.dumps(value)
        case dict():
            inside = ", ".join(f"{flow(key)}: {flow(inner)}" for key, inner in value.items())
            return f"{{{inside}}}"
        case list() | tuple():
            return f"[{', '.join(map(flow, value))}]"
        case _:
            return json.dumps(value)
