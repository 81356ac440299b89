"""The events of one YAML document -> a tree, and what is wrong with how they fit together.

The findings need what every loader throws away: where a bracket was opened, which anchor an
alias meant, where a key was set first. One pass; nothing is executed, no tag constructs
anything, and aliases share their nodes, so a bomb costs nothing but its message.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml import YAML
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
from mixvllm.settings.marks import Marks
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

MAX_NODES: Final = 100_000  # after aliases; the figure of compose-go's loader
MAX_WRITTEN: Final = 6_000  # nodes, aliases not followed: half a second to read them
MAX_DEPTH: Final = 60
_TAGS: Final = {f"tag:yaml.org,2002:{t}": t for t in ("str", "int", "float", "bool", "null")}
_COLLECTION_TAGS: Final = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
_NO_TEXT: Final = re.compile("[\ud800-\udfff]")  # half a character: no argument can hold it


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet."""

    start: Any
    anchor: str | None
    nodes: list[Node] = field(default_factory=list)
    aliases: dict[int, FileSpan] = field(default_factory=dict)  # by their place among the nodes
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


class Refused(Exception):
    """The text cannot be a profile; the finding says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


class TreeBuilder:
    """Turns the events of one document into a tree."""

    def __init__(self, text: str, marks: Marks) -> None:
        self.found: list[Diagnostic] = []
        self._text = text
        self._marks = marks
        self._say, self._span = marks.say, marks.span
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchor] = {}
        self._expanded = 0  # nodes that aliases stand for, in the whole document
        self._open_anchors: dict[str, FileSpan] = {}
        self._used: set[str] = set()

    def build(self) -> Node | None:
        """The first document's root; raises Refused and ruamel's MarkedYAMLError."""
        root: Node | None = None
        documents = nodes = 0
        for event in YAML(typ="safe", pure=True).parse(self._text):
            nodes += isinstance(event, NodeEvent)
            if nodes > MAX_WRITTEN:
                raise Refused(
                    self._say(
                        "MX028", f"more than {MAX_WRITTEN} keys and values: not a profile",
                        self._span(event.start_mark, event.end_mark),
                    )
                )  # fmt: skip
            match event:
                case DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        raise Refused(
                            self._say(
                                "MX017",
                                "a second document begins here; a profile is one document",
                                self._span(event.start_mark, event.end_mark),
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
        self._warn_of_unused_anchors()
        return root

    def _warn_of_unused_anchors(self) -> None:
        for name, anchor in self._anchors.items():
            if name not in self._used:
                what, hint = f"anchor `{name}`", f"remove &{name}"
                fix: Fix | None = self._without_anchor(anchor.span)
                if anchor.secret:
                    what, hint = "this anchor", "a value that begins with & stands in quotes"
                    fix = None
                self.found.append(
                    self._say("MX013", f"{what} is never used", anchor.span,
                              severity=Severity.WARNING, hint=hint, fix=fix)
                )  # fmt: skip

    def _enter(self, event: Any, *, refused: bool) -> None:
        self._check_depth(1, self._span(event.start_mark, event.start_mark))
        if event.anchor:
            self._open_anchors[event.anchor] = self._anchor_span(event)
        self._open.append(_Open(event, event.anchor, refused=refused))

    def _check_depth(self, more: int, span: FileSpan) -> None:
        if len(self._open) + more > MAX_DEPTH:
            raise Refused(self._say("MX027", f"nested deeper than {MAX_DEPTH} levels", span))

    def _check_size(self, size: int, span: FileSpan) -> None:
        if size > MAX_NODES:
            raise Refused(
                self._say("MX016", f"what aliases stand for expands to more than {MAX_NODES} nodes",
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
            node = Sequence(
                self._span(opened.start.start_mark, event.end_mark), tuple(opened.nodes)
            )
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
            head = re.match(r"(?:[&!]\S*\s+)*", self._text[start.index : event.end_mark.index])
            skipped = head.end() if head else 0
            span = self._span(start, event.end_mark)
            if "\n" not in self._text[start.index : start.index + skipped]:
                span = FileSpan(
                    span.path, span.line, span.column + skipped, span.end_line, span.end_column,
                    span.included_by,
                )  # fmt: skip
        else:
            span = self._span(start, event.end_mark)
        value = event.value
        if bad := _NO_TEXT.search(value):
            self.found.append(
                self._say("MX020", f"U+{ord(bad[0]):04X} is no character of a text", span)
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
        span = self._span(event.start_mark, event.end_mark)
        shown, hint = f"alias `{name}`", f"write &{name} before the value that is meant"
        if self._secret():
            shown, hint = "this alias", "a value that begins with * stands in quotes"
        if name in self._open_anchors:
            raise Refused(
                self._say("MX015", f"{shown} refers to itself", span,
                          related=(Related(self._open_anchors[name], "anchor declared here"),))
            )  # fmt: skip
        if name not in self._anchors:
            self.found.append(
                self._say("MX014", f"{shown} has no anchor", span, hint=hint)
            )  # fmt: skip
            return Scalar(span, "", True, UNAVAILABLE)
        anchor = self._anchors[name]
        self._used.add(name)
        if self._open:
            above = self._open[-1]
            above.aliases[len(above.nodes)] = span
            above.size += anchor.size - 1
            above.depth = max(above.depth, anchor.depth)
            self._expanded += anchor.size
            self._check_size(max(self._expanded, above.size), next(iter(above.aliases.values())))
            self._check_depth(anchor.depth, span)
        return anchor.node

    def _anchor_span(self, event: NodeEvent) -> FileSpan:
        start = event.start_mark
        offset = self._text[start.index : start.index + 200].find(f"&{event.anchor}")
        column = start.column + 1 + max(0, offset)
        return self._marks.place(start.line + 1, column, len(str(event.anchor)) + 1)

    def _without_anchor(self, span: FileSpan) -> Fix:
        """The anchor taken out, with the spaces that set it apart: those behind it, if any."""
        line = lines_of(self._text)[span.line - 1]
        begin, end = span.column - 1, span.end_column - 1
        spaces = len(line[end:]) - len(line[end:].lstrip(" "))
        if end + spaces < len(line):
            end += spaces
        else:
            begin = len(line[:begin].rstrip(" "))
        return Fix(self._marks.place(span.line, begin + 1, end - begin), "")

    def _check_tag(self, event: Any) -> str | None:
        tag = event.tag
        if tag is None or tag == "!":
            return None
        if tag in _TAGS:
            return _TAGS[tag]
        if tag in _COLLECTION_TAGS:
            return None
        start = event.start_mark
        found = re.search(r"!\S*", self._text[start.index : start.index + 2000])
        shown = found[0] if found else str(tag)
        offset = found.start() if found else 0
        span = self._marks.place(start.line + 1, start.column + 1 + offset, len(shown))
        hint, label = "a profile holds plain values only", ""
        secret = self._secret()
        if shown == "!env" and isinstance(event, ScalarEvent):
            label = f"write ${{env:{'NAME' if secret else event.value}}}"
        elif secret:
            shown, hint = "!...", "a value that begins with ! stands in quotes"
        kind = "unknown tag" if not shown.startswith("!!") else "tag"
        self.found.append(
            self._say("MX022", f"{kind} `{shown}` is not allowed", span, label=label, hint=hint)
        )
        return UNAVAILABLE

    def _mapping(self, opened: _Open, end: Any) -> Mapping:
        entries: list[Entry] = []
        merged: list[Mapping] = []
        first: dict[str, Scalar] = {}
        pairs = zip(opened.nodes[::2], opened.nodes[1::2], strict=False)
        for i, (key, value) in enumerate(pairs):
            if not isinstance(key, Scalar):
                self.found.append(
                    self._say("MX027", "a key must be a word, not a list or a mapping", key.span)
                )
                continue
            if key.plain and key.text == "<<":
                at = opened.aliases.get(2 * i + 1, value.span)
                merged.extend(self._merge_sources(value, at))
                continue
            if key.text in first:
                self.found.append(
                    self._say("MX003", f"duplicate key `{redact(key.text)}`", key.span,
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
        return Mapping(self._span(opened.start.start_mark, end.end_mark), tuple(entries))

    def _merge_sources(self, value: Node, at: FileSpan) -> list[Mapping]:
        nodes = value.items if isinstance(value, Sequence) else (value,)
        nodes = tuple(n for n in nodes if not isinstance(n, Scalar) or n.tag != UNAVAILABLE)
        sources = [node for node in nodes if isinstance(node, Mapping)]
        if len(sources) < len(nodes):
            self.found.append(self._say("MX027", "`<<` takes a mapping, or a list of mappings", at))
        return sources


def _spelt(name: str) -> str:
    """A key so that its spellings are one: `max-num-seqs`, `max_num_seqs`."""
    return name.removeprefix("--").replace("-", "_")
