"""Profile text -> tree and findings.

ruamel.yaml scans and parses (it keeps the place of each event); the tree is built by
:mod:`mixvllm.settings.tree_builder`, and a text that is not YAML is explained by
:mod:`mixvllm.settings.syntax`.
"""

import re
from collections.abc import Sequence as Sequence_
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ruamel.yaml.error import MarkedYAMLError, YAMLError

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.core.origin import FileSpan
from mixvllm.settings.marks import Marks
from mixvllm.settings.syntax import glued, line_and_column, syntax_error, undecodable
from mixvllm.settings.tree import (
    Mapping,
    Node,
    Scalar,
    Sequence,
    lines_of,
)
from mixvllm.settings.tree_builder import Refused, TreeBuilder

MAX_BYTES: Final = 256 * 1024
_NOT_YAML: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


@dataclass(frozen=True, slots=True)
class ParsedText:
    """The tree of one file (None when there is none to work with) and what was found."""

    root: Mapping | None
    diagnostics: tuple[Diagnostic, ...]


def parse_profile(raw: bytes, path: Path, included_by: FileSpan | None = None) -> ParsedText:
    """Read a profile's bytes. Never raises for what stands in them."""
    marks = Marks(path, included_by)
    if len(raw) > MAX_BYTES:
        size = marks.say(
            "MX028", f"larger than {MAX_BYTES // 1024} KiB: not a profile", marks.place(1, 1)
        )
        return ParsedText(None, (size,))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return ParsedText(None, (undecodable(raw, error, marks),))
    bad = _NOT_YAML.search(text)
    if bad:
        message = f"character U+{ord(bad[0]):04X} is not allowed in YAML"
        where = marks.place(*line_and_column(text[: bad.start()]))
        found = marks.say("MX020", message, where)
        return ParsedText(None, (found,))
    builder = TreeBuilder(text, marks)
    try:
        root = builder.build()
    except Refused as refused:
        return ParsedText(None, (*builder.found, refused.diagnostic))
    except MarkedYAMLError as error:
        return ParsedText(None, (*builder.found, syntax_error(error, text, marks)))
    except (YAMLError, RecursionError, ValueError, IndexError) as error:  # ruamel's own limits
        found = marks.say("MX027", f"not YAML: {error}", marks.place(1, 1))
        return ParsedText(None, (*builder.found, found))
    return _rooted(root, text, builder.found, marks)


def _rooted(root: Node | None, text: str, found: Sequence_[Diagnostic], marks: Marks) -> ParsedText:
    if root is None or (isinstance(root, Scalar) and root.value is None and root.tag is None):
        start = marks.place(1, 1, 0)
        empty = marks.say(
            "MX018", "the file is empty", start,
            hint="the shortest profile is one line: `model: NAME`; see profiles/",
        )  # fmt: skip
        return ParsedText(None, (*found, empty))
    if isinstance(root, Mapping):
        return ParsedText(root, tuple(found))
    if isinstance(root, Scalar) and root.plain:
        lines = lines_of(text)
        for line in range(root.span.line - 1, root.span.end_line):
            if one := glued(lines, line, marks):
                return ParsedText(None, (*found, one))
    kind = "list" if isinstance(root, Sequence) else "single value"
    start = marks.place(root.span.line, root.span.column)
    wrong = marks.say("MX019", f"a profile is a mapping, this is a {kind}", start)
    return ParsedText(None, (*found, wrong))
