"""Profile text -> tree and findings.

ruamel.yaml scans and parses (it keeps the place of each event); the tree is built here,
because the findings need what every loader throws away: where a bracket was opened, which
anchor an alias meant, where a key was set first. One pass; nothing is executed, no tag
constructs anything, and aliases share their nodes, so a bomb costs nothing but its message.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from mixvllm.core.diagnostic import Diagnostic, Fix, Related, Severity
from mixvllm.core.origin import FileSpan
from mixvllm.settings.secrets import hides, redact
from mixvllm.settings.tree import (
    UNAVAILABLE,
    Entry,
    Mapping,
    Node,
    Scalar,
    Sequence,
    lines_of,
)

MAX_BYTES: Final = 256 * 1024
MAX_NODES: Final = 100_000  # after aliases; the figure of compose-go's loader
MAX_DEPTH: Final = 60
_TAGS: Final = {f"tag:yaml.org,2002:{t}": t for t in ("str", "int", "float", "bool", "null")}
_COLLECTION_TAGS: Final = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
_NO_TEXT: Final = re.compile("[\ud800-\udfff]")  # half a character: no argument can hold it
_NOT_YAML: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_SIGNS_OF_GLUE: Final = ("mapping values are not allowed", "expected ':'", "expected <block end>")
_GLUED_COLON: Final = re.compile(r"[ ]*(?P<key>[A-Za-z][\w-]*):(?P<rest>[^\s/:].*)")


@dataclass(frozen=True, slots=True)
class ParsedText:
    """The tree of one file (None when there is none to work with) and what was found."""

    root: Mapping | None
    diagnostics: tuple[Diagnostic, ...]


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet."""

    start: Any
    anchor: str | None
    nodes: list[Node] = field(default_factory=list)
    aliases: list[FileSpan] = field(default_factory=list)
    size: int = 1
    depth: int = 0  # of the deepest node in it
    refused: bool = False  # its tag is not allowed


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A node that aliases may stand for."""

    node: Node
    span: FileSpan
    size: int
    depth: int
    secret: bool  # it stands under a key of a secret's name


class _Refused(Exception):
    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


class _Builder:
    """Turns the events of one document into a tree."""

    def __init__(self, text: str, path: Path, included_by: FileSpan | None) -> None:
        self.text = text
        self.path = path
        self.included_by = included_by
        self.found: list[Diagnostic] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchor] = {}
        self._expanded = 0  # nodes that aliases stand for, in the whole document
        self._open_anchors: dict[str, FileSpan] = {}
        self._used: set[str] = set()

    # -- places ---------------------------------------------------------------
    def span(self, start: Any, end: Any) -> FileSpan:
        return FileSpan(
            self.path, start.line + 1, start.column + 1, end.line + 1, end.column + 1,
            self.included_by,
        )  # fmt: skip

    def place(self, line: int, column: int, width: int = 1) -> FileSpan:
        return FileSpan(self.path, line, column, line, column + width, self.included_by)

    def say(
        self,
        code: str,
        message: str,
        span: FileSpan,
        *,
        severity: Severity = Severity.ERROR,
        label: str = "",
        hint: str = "",
        related: tuple[Related, ...] = (),
        fix: str | None = None,
    ) -> Diagnostic:
        edit = None if fix is None else Fix(span, fix)
        return Diagnostic(
            code, severity, message, span, label=label, hint=hint, related=related, fix=edit
        )

    # -- the tree -------------------------------------------------------------
    def build(self) -> Node | None:
        """The first document's root; raises _Refused and ruamel's MarkedYAMLError."""
        root: Node | None = None
        documents = 0
        for event in YAML(typ="safe", pure=True).parse(self.text):
            match event:
                case DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        raise _Refused(
                            self.say(
                                "MX017",
                                "a second document begins here; a profile is one document",
                                self.span(event.start_mark, event.end_mark),
                                hint="put the second profile into a file of its own",
                            )
                        )
                case AliasEvent():
                    root = self._place(self._alias(event))
                case ScalarEvent():
                    root = self._place(self._scalar(event))
                case MappingStartEvent() | SequenceStartEvent():
                    self._enter(event, refused=self._check_tag(event) == UNAVAILABLE)
                case MappingEndEvent() | SequenceEndEvent():
                    root = self._leave(event)
                case _:
                    pass
        for name, anchor in self._anchors.items():
            if name not in self._used:
                what, hint = f"anchor `{name}`", f"remove &{name}"
                if anchor.secret:
                    what, hint = "this anchor", "a value that begins with & stands in quotes"
                self.found.append(
                    self.say("MX013", f"{what} is never used", anchor.span,
                             severity=Severity.WARNING, hint=hint)
                )  # fmt: skip
        return root

    def _enter(self, event: Any, *, refused: bool) -> None:
        self._check_depth(1, self.span(event.start_mark, event.start_mark))
        if event.anchor:
            self._open_anchors[event.anchor] = self._anchor_span(event)
        self._open.append(_Open(event, event.anchor, refused=refused))

    def _check_depth(self, more: int, span: FileSpan) -> None:
        if len(self._open) + more > MAX_DEPTH:
            raise _Refused(self.say("MX027", f"nested deeper than {MAX_DEPTH} levels", span))

    def _check_size(self, size: int, span: FileSpan) -> None:
        if size > MAX_NODES:
            raise _Refused(
                self.say("MX016", f"what aliases stand for expands to more than {MAX_NODES} nodes",
                         span, hint="write the values out, or use fewer of them")
            )  # fmt: skip

    def _secret(self) -> bool:
        """Whether the value that comes next stands under a key of a secret's name."""
        return any(
            isinstance(opened.start, MappingStartEvent)
            and len(opened.nodes) % 2 == 1
            and isinstance(opened.nodes[-1], Scalar)
            and hides(opened.nodes[-1].text)
            for opened in self._open
        )

    def _leave(self, event: Any) -> Node:
        opened = self._open.pop()
        depth = opened.depth + 1
        node: Node
        if isinstance(event, SequenceEndEvent):
            node = Sequence(self.span(opened.start.start_mark, event.end_mark), tuple(opened.nodes))
        else:
            node = self._mapping(opened, event)
        if opened.refused:
            node = Scalar(node.span, "", True, UNAVAILABLE)
        if opened.anchor:
            place = self._open_anchors.pop(opened.anchor, node.span)
            self._anchors[opened.anchor] = _Anchor(node, place, opened.size, depth, self._secret())
        return self._place(node, opened.size, depth)

    def _place(self, node: Node, size: int = 1, depth: int = 0) -> Node:
        if self._open:
            above = self._open[-1]
            above.nodes.append(node)
            above.size += size
            above.depth = max(above.depth, depth)
        return node

    def _scalar(self, event: ScalarEvent) -> Scalar:
        tag = self._check_tag(event)
        plain = event.style is None or event.style == ""
        start = event.start_mark
        if event.anchor or event.tag:  # the mark stands before the properties: skip them
            head = re.match(r"(?:[&!]\S*\s+)*", self.text[start.index : event.end_mark.index])
            skipped = head.end() if head else 0
            span = self.span(start, event.end_mark)
            if "\n" not in self.text[start.index : start.index + skipped]:
                span = FileSpan(
                    span.path, span.line, span.column + skipped, span.end_line, span.end_column,
                    span.included_by,
                )  # fmt: skip
        else:
            span = self.span(start, event.end_mark)
        value = event.value
        if bad := _NO_TEXT.search(value):
            self.found.append(
                self.say("MX020", f"U+{ord(bad[0]):04X} is no character of a text", span)
            )
            value, tag = _NO_TEXT.sub("\ufffd", value), UNAVAILABLE
        node = Scalar(span, value, plain, tag)
        if event.anchor:
            self._anchors[event.anchor] = _Anchor(
                node, self._anchor_span(event), 1, 0, self._secret()
            )
        return node

    def _alias(self, event: AliasEvent) -> Node:
        name = str(event.anchor)
        span = self.span(event.start_mark, event.end_mark)
        shown, hint = f"alias `{name}`", f"write &{name} before the value that is meant"
        if self._secret():
            shown, hint = "this alias", "a value that begins with * stands in quotes"
        if name in self._open_anchors:
            raise _Refused(
                self.say("MX015", f"{shown} refers to itself", span,
                         related=(Related(self._open_anchors[name], "anchor declared here"),))
            )  # fmt: skip
        if name not in self._anchors:
            self.found.append(
                self.say("MX014", f"{shown} has no anchor", span, hint=hint)
            )  # fmt: skip
            return Scalar(span, "", True, UNAVAILABLE)
        anchor = self._anchors[name]
        self._used.add(name)
        if self._open:
            above = self._open[-1]
            above.aliases.append(span)
            above.size += anchor.size - 1
            above.depth = max(above.depth, anchor.depth)
            self._expanded += anchor.size
            self._check_size(max(self._expanded, above.size), above.aliases[0])
            self._check_depth(anchor.depth, span)
        return anchor.node

    def _anchor_span(self, event: NodeEvent) -> FileSpan:
        start = event.start_mark
        offset = self.text[start.index : start.index + 200].find(f"&{event.anchor}")
        column = start.column + 1 + max(0, offset)
        return self.place(start.line + 1, column, len(str(event.anchor)) + 1)

    def _check_tag(self, event: Any) -> str | None:
        tag = event.tag
        if tag is None or tag == "!":
            return None
        if tag in _TAGS:
            return _TAGS[tag]
        if tag in _COLLECTION_TAGS:
            return None
        start = event.start_mark
        found = re.search(r"!\S*", self.text[start.index : start.index + 2000])
        shown = found[0] if found else str(tag)
        offset = found.start() if found else 0
        span = self.place(start.line + 1, start.column + 1 + offset, len(shown))
        hint, label = "a profile holds plain values only", ""
        secret = self._secret()
        if shown == "!env" and isinstance(event, ScalarEvent):
            label = f"write ${{env:{'NAME' if secret else event.value}}}"
        elif secret:
            shown, hint = "!...", "a value that begins with ! stands in quotes"
        kind = "unknown tag" if not shown.startswith("!!") else "tag"
        self.found.append(
            self.say("MX022", f"{kind} `{shown}` is not allowed", span, label=label, hint=hint)
        )
        return UNAVAILABLE

    # -- mappings -------------------------------------------------------------
    def _mapping(self, opened: _Open, end: Any) -> Mapping:
        entries: list[Entry] = []
        merged: list[Mapping] = []
        first: dict[str, Scalar] = {}
        pairs = zip(opened.nodes[::2], opened.nodes[1::2], strict=False)
        for key, value in pairs:
            if not isinstance(key, Scalar):
                self.found.append(
                    self.say("MX027", "a key must be a word, not a list or a mapping", key.span)
                )
                continue
            if key.plain and key.text == "<<":
                merged.extend(self._merge_sources(value))
                continue
            if key.text in first:
                self.found.append(
                    self.say("MX003", f"duplicate key `{redact(key.text)}`", key.span,
                             label="and again here",
                             hint="keep one of the two; most parsers silently take the last",
                             related=(Related(first[key.text].span, "first set here"),))
                )  # fmt: skip
                continue
            first[key.text] = key
            entries.append(Entry(key, value))
        taken = {_spelt(name) for name in first}
        for source in merged:
            new = [entry for entry in source.entries if _spelt(entry.key.text) not in taken]
            entries.extend(new)
            taken |= {_spelt(entry.key.text) for entry in new}
        return Mapping(self.span(opened.start.start_mark, end.end_mark), tuple(entries))

    def _merge_sources(self, value: Node) -> list[Mapping]:
        nodes = value.items if isinstance(value, Sequence) else (value,)
        sources = [node for node in nodes if isinstance(node, Mapping)]
        if len(sources) < len(nodes):
            self.found.append(
                self.say("MX027", "`<<` takes a mapping, or a list of mappings", value.span)
            )
        return sources


def _spelt(name: str) -> str:
    """A key so that its spellings are one: `max-num-seqs`, `max_num_seqs`."""
    return name.removeprefix("--").replace("-", "_")


def _undecodable(raw: bytes, error: UnicodeDecodeError, builder: _Builder) -> Diagnostic:
    before = raw[: error.start].decode("utf-8", "replace")
    return builder.say(
        "MX020",
        f"byte 0x{raw[error.start]:02X} is not UTF-8",
        builder.place(*_line_and_column(before)),
        hint="save the file as UTF-8",
    )


def _line_and_column(before: str) -> tuple[int, int]:
    """The place just after a stretch of text."""
    lines = lines_of(before.removeprefix("\ufeff"))
    return len(lines), len(lines[-1]) + 1


def _glued_near(
    lines: list[str], wrong: int, begun: int | None, builder: _Builder
) -> Diagnostic | None:
    """A glued colon that explains an error: on its line, where the key began, or just above."""

    def indent(line: int) -> int:
        return len(lines[line]) - len(lines[line].lstrip(" "))

    above = wrong - 1
    while above >= 0 and (not lines[above].strip() or lines[above].lstrip().startswith("#")):
        above -= 1
    candidates = [wrong] if begun is None else [begun, wrong]
    if above >= 0 and wrong < len(lines) and indent(above) == indent(wrong):
        candidates.append(above)
    found = (_glued(lines, line, builder) for line in candidates)
    return next((diagnostic for diagnostic in found if diagnostic is not None), None)


def _syntax(error: MarkedYAMLError, text: str, builder: _Builder) -> Diagnostic:
    """ruamel's complaint, blamed on what the operator wrote."""
    mark = error.problem_mark or error.context_mark
    problem = str(error.problem or error.context or "cannot be read")
    if "undefined tag handle" in problem:
        problem = "a tag handle that nothing defines"
    lines = lines_of(text)
    if mark and any(sign in problem for sign in _SIGNS_OF_GLUE):
        begun = error.context_mark.line if error.context_mark else None
        glued = _glued_near(lines, mark.line, begun, builder)
        if glued is not None:
            return glued
    if mark is None:
        return builder.say("MX027", f"not YAML: {error.problem}", builder.place(1, 1))
    at = builder.place(mark.line + 1, mark.column + 1)
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: mark.column + 1] and not line[: mark.column].strip():
        return builder.say("MX001", "a tab is used for indentation", at, hint="use spaces")
    opener = error.context_mark
    context = str(error.context or "")
    if opener is not None and ("flow" in context or "quoted scalar" in context):
        word = re.match(r"[^\s:,\[\]{}]+", line[: mark.column][::-1])
        width = len(word[0]) if word else 0
        gave_up = builder.place(mark.line + 1, mark.column + 1 - width, max(1, width))
        sign = text[opener.index : opener.index + 1] or "["
        closer = {"[": "]", "{": "}"}.get(sign, sign)
        return builder.say(
            "MX002",
            f"`{sign}` is never closed",
            builder.place(opener.line + 1, opener.column + 1),
            label=f"write `{closer}` where it ends",
            related=(Related(gave_up, "parser gave up here"),),
        )
    return builder.say("MX027", f"not YAML: {problem}", at, hint="check indentation and quotes")


def _glued(lines: list[str], line: int, builder: _Builder) -> Diagnostic | None:
    """The finding for ``port:8000``, if that is what the line (0-based) holds."""
    glued = _GLUED_COLON.fullmatch(lines[line]) if line < len(lines) else None
    if glued is None:
        return None
    key, rest = glued["key"], glued["rest"].rstrip()
    secret = hides(key)
    return builder.say(
        "MX024",
        "a space after ':' is missing",
        builder.place(line + 1, glued.start("key") + 1, len(key) + 1 + len(rest)),
        label=f"write `{key}: {'...' if secret else rest}`",
        fix=None if secret else f"{key}: {rest}",
    )


def parse_profile(raw: bytes, path: Path, included_by: FileSpan | None = None) -> ParsedText:
    """Read a profile's bytes. Never raises for what stands in them."""
    builder = _Builder("", path, included_by)
    if len(raw) > MAX_BYTES:
        size = builder.say(
            "MX028", f"larger than {MAX_BYTES // 1024} KiB: not a profile", builder.place(1, 1)
        )
        return ParsedText(None, (size,))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return ParsedText(None, (_undecodable(raw, error, builder),))
    builder.text = text
    bad = _NOT_YAML.search(text)
    if bad:
        message = f"character U+{ord(bad[0]):04X} is not allowed in YAML"
        where = builder.place(*_line_and_column(text[: bad.start()]))
        found = builder.say("MX020", message, where)
        return ParsedText(None, (found,))
    try:
        root = builder.build()
    except _Refused as refused:
        return ParsedText(None, (*builder.found, refused.diagnostic))
    except MarkedYAMLError as error:
        return ParsedText(None, (*builder.found, _syntax(error, text, builder)))
    except (YAMLError, RecursionError, ValueError, IndexError) as error:  # ruamel's own limits
        found = builder.say("MX027", f"not YAML: {error}", builder.place(1, 1))
        return ParsedText(None, (*builder.found, found))
    return _rooted(root, text, builder)


def _rooted(root: Node | None, text: str, builder: _Builder) -> ParsedText:
    if root is None or (isinstance(root, Scalar) and root.value is None and root.tag is None):
        start = builder.place(1, 1, 0)
        empty = builder.say(
            "MX018", "the file is empty", start,
            hint="the shortest profile is one line: `model: NAME`; see profiles/",
        )  # fmt: skip
        return ParsedText(None, (*builder.found, empty))
    if isinstance(root, Mapping):
        return ParsedText(root, tuple(builder.found))
    if isinstance(root, Scalar) and root.plain:
        lines = lines_of(text)
        for line in range(root.span.line - 1, root.span.end_line):
            if glued := _glued(lines, line, builder):
                return ParsedText(None, (*builder.found, glued))
    kind = "list" if isinstance(root, Sequence) else "single value"
    start = builder.place(root.span.line, root.span.column)
    wrong = builder.say("MX019", f"a profile is a mapping, this is a {kind}", start)
    return ParsedText(None, (*builder.found, wrong))
