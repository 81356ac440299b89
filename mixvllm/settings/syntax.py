"""What is said of a text that is not YAML: blamed on what the operator wrote."""

import re
from collections.abc import Sequence as Sequence_
from pathlib import Path
from typing import Any, Final

from ruamel.yaml.error import MarkedYAMLError

from mixvllm.core.diagnostic import Applicability, Diagnostic, Fix, Related
from mixvllm.settings.marks import Marks
from mixvllm.settings.secrets import hides
from mixvllm.settings.tree import (
    lines_of,
)
from mixvllm.settings.tree_builder import Refused, TreeBuilder

_SHORT: Final = 16_000  # characters of a text that is read a second time to try a fix
_OTHER: Final = {"]": "[", "}": "{"}
_SIGNS_OF_GLUE: Final = ("mapping values are not allowed", "expected ':'", "expected <block end>")
_GLUED_COLON: Final = re.compile(r"[ ]*(?P<key>[A-Za-z][\w-]*):(?P<rest>[^\s/:].*)")


def undecodable(raw: bytes, error: UnicodeDecodeError, marks: Marks) -> Diagnostic:
    """The first byte that is no UTF-8."""
    before = raw[: error.start].decode("utf-8", "replace")
    return marks.say(
        "MX020",
        f"byte 0x{raw[error.start]:02X} is not UTF-8",
        marks.place(*line_and_column(before)),
        hint="save the file as UTF-8",
    )


def line_and_column(before: str) -> tuple[int, int]:
    """The place just after a stretch of text."""
    lines = lines_of(before.removeprefix("\ufeff"))
    return len(lines), len(lines[-1]) + 1


def syntax_error(error: MarkedYAMLError, text: str, marks: Marks) -> Diagnostic:
    """ruamel's complaint, blamed on what the operator wrote."""
    mark = error.problem_mark or error.context_mark
    problem = str(error.problem or error.context or "cannot be read")
    if "undefined tag handle" in problem:
        problem = "a tag handle that nothing defines"
    lines = lines_of(text)
    if mark and any(sign in problem for sign in _SIGNS_OF_GLUE):
        begun = error.context_mark.line if error.context_mark else None
        found = _glued_near(lines, mark.line, begun, marks)
        if found is not None:
            return found
    if mark is None:
        return marks.say("MX027", f"not YAML: {error.problem}", marks.place(1, 1))
    at = marks.place(mark.line + 1, mark.column + 1)
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: mark.column + 1] and not line[: mark.column].strip():
        return marks.say(
            "MX001", "a tab is used for indentation", at, hint="use spaces",
            fix=_with_spaces(lines, mark.line, marks),
        )  # fmt: skip
    opener = error.context_mark
    context = str(error.context or "")
    if "escape" in problem or "expected escape sequence" in problem:
        return marks.say(
            "MX027", "a backslash begins an escape that YAML does not have",
            marks.place(mark.line + 1, mark.column, 2),
            label="write two backslashes, or put the text in single quotes",
        )  # fmt: skip
    if opener is not None and ("flow" in context or "quoted scalar" in context):
        return _never_closed(opener, mark, text, lines, marks)
    if opener is not None and "expected ':'" in problem:
        begun = lines[opener.line][opener.column :].rstrip() or " "
        return marks.say(
            "MX027", "not YAML: a key without ':'",
            marks.place(opener.line + 1, opener.column + 1, len(begun)),
            label="write a colon and a value, or take it out",
        )  # fmt: skip
    return marks.say("MX027", f"not YAML: {problem}", at, hint="check indentation and quotes")


def _glued_near(
    lines: Sequence_[str], wrong: int, begun: int | None, marks: Marks
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
    found = (glued(lines, line, marks) for line in candidates)
    return next((diagnostic for diagnostic in found if diagnostic is not None), None)


def glued(lines: Sequence_[str], line: int, marks: Marks) -> Diagnostic | None:
    """The finding for ``port:8000``, if that is what the line (0-based) holds."""
    found = _GLUED_COLON.fullmatch(lines[line]) if line < len(lines) else None
    if found is None:
        return None
    key, rest = found["key"], found["rest"].rstrip()
    secret = hides(key)
    return marks.say(
        "MX024",
        "a space after ':' is missing",
        marks.place(line + 1, found.start("key") + 1, len(key) + 1 + len(rest)),
        label=f"write `{key}: {'...' if secret else rest}`",
        fix=None if secret else f"{key}: {rest}",
    )


def _never_closed(
    opener: Any, mark: Any, text: str, lines: Sequence_[str], marks: Marks
) -> Diagnostic:
    line = lines[mark.line] if mark.line < len(lines) else ""
    word = re.match(r"[^\s:,\[\]{}]+", line[: mark.column][::-1])
    begin, width = mark.column + 1, 1
    if word:
        begin, width = mark.column + 1 - len(word[0]), len(word[0])
    elif word := re.match(r"[^\s:,\[\]{}]+", line[mark.column :]):
        width = len(word[0])
    sign = text[opener.index : opener.index + 1] or "["
    closer = {"[": "]", "{": "}"}.get(sign, sign)
    fix = _closed(lines[opener.line], opener, closer, marks)
    gave_up = marks.place(mark.line + 1, begin, width)
    return marks.say(
        "MX002",
        f"`{sign}` is never closed",
        marks.place(opener.line + 1, opener.column + 1),
        label=f"write `{closer}` where it ends",
        related=(Related(gave_up, "parser gave up here"),) if text[mark.index :].strip() else (),
        fix=fix if fix and _mends(fix, text, lines, marks.path) else None,
    )


def _mends(fix: Fix, text: str, lines: Sequence_[str], path: Path) -> bool:
    """Whether the text with this insertion is YAML: a guess that only moves the fault is none."""
    if len(text) > _SHORT:
        return False
    line = lines[fix.span.line - 1]
    at = fix.span.column - 1
    anew = [*lines[: fix.span.line - 1], line[:at] + fix.text + line[at:], *lines[fix.span.line :]]
    try:
        TreeBuilder("\n".join(anew), Marks(path, None)).build()
    except MarkedYAMLError:
        return False
    except Refused:
        pass
    return True


def _with_spaces(lines: Sequence_[str], number: int, marks: Marks) -> Fix | None:
    """A line's tabs as two spaces each; sure where no other line is indented by spaces."""
    tabs = re.match(r"\s*", lines[number])
    if tabs is None or set(tabs[0]) != {"\t"}:
        return None
    mixed = any(line.startswith(" ") and line.strip() for line in lines[number:])
    return Fix(
        marks.place(number + 1, 1, tabs.end()), "  " * tabs.end(),
        Applicability.UNSAFE if mixed else Applicability.SAFE,
    )  # fmt: skip


def _closed(line: str, opener: Any, closer: str, marks: Marks) -> Fix | None:
    """What closes a bracket or a quote, at the end of its line, if the line looks complete."""
    inside = line[opener.column + 1 :]
    if closer in "]}":
        inside = re.split(r"\s#", inside, maxsplit=1)[0]
    elif "#" in inside:
        return None
    inside = inside.rstrip()
    around = line[: opener.column]
    last = inside[-1:]
    is_of_another = closer in _OTHER and last in _OTHER and last != closer
    if is_of_another and around.count(_OTHER[last]) > around.count(last):
        inside = inside[:-1].rstrip()
    if not inside or inside.endswith((",", "{", "[")):
        return None
    return Fix(marks.place(opener.line + 1, opener.column + 2 + len(inside), 0), closer)
