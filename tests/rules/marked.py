"""Bad profiles with their findings drawn below the lines: the form of tests/data/faults/.

    == a-name vllm=0.16.0 cards=4x24GiB MODEL=value
    | server:
    |   port: eighty
    :         ^^^^^^ MX110 error

A line of a profile begins with `|`; what is drawn below it, with `:`. Carets are the place of a
finding, dashes that of a second label, a `.` a place without a width; a place of several lines
ends with the line and column that `>` names. Behind the severity stands what the finding must say
(`-> words`, several times) or what its fix writes (`=> "text"`). `-- NAME` begins another file,
which the first extends; `vllm` is the release, `since` that of `--since`, `cards` an inventory, all
else a variable. `python -m tests.rules.marked FILE` draws a file anew, for a person to look at.
"""

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.core.origin import FileSpan, Origin
from mixvllm.services.check import Checked, Request, check

FOLDER: Final = Path(__file__).parents[1] / "data" / "faults"
HOSTS: Final = FOLDER.parent / "hosts"
NAME: Final = "profile.yaml"
_DRAWN: Final = re.compile(
    r"(?P<pad>\s*)(?P<sign>\^+|-+|\.)(?:>(?P<end>\d+:\d+))? (?P<code>MX\d+) (?P<rest>.*)"
)


@dataclass(frozen=True, order=True)
class Mark:
    """A place with what is found there: `MX110 error`, or `MX003 first set here` of a label."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    code: str
    what: str
    is_label: bool = False
    words: tuple[str, ...] = field(default=(), compare=False)
    fix: str | None = field(default=None, compare=False)


@dataclass
class Case:
    """One bad profile, with the files it extends."""

    name: str
    settings: dict[str, str]
    files: dict[str, list[str]] = field(default_factory=lambda: {NAME: []})
    marks: list[Mark] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    def checked(self, folder: Path) -> Checked:
        """Its findings, the files written below ``folder``."""
        for name, lines in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes("\n".join([*lines, ""]).encode() if lines else b"")
        settings = dict(self.settings)
        cards = settings.pop("cards", None)
        release, since = settings.pop("vllm", "0.32.0"), settings.pop("since", None)
        host = HOSTS / f"{cards}.json" if cards else None
        environ = {"PATH": "", "HOME": str(folder), **settings}
        own = None if release == "own" else release  # the profile's own `vllm.version`
        return check(Request(folder / NAME, environ, release=own, since=since, host=host))


def cases(path: Path) -> list[Case]:
    """All of one file."""
    found: list[Case] = []
    comments: list[str] = []
    name = NAME
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.startswith("== "):
            title, *settings = line[3:].split()
            pairs = dict(setting.split("=", 1) for setting in settings)
            found.append(Case(title, pairs, comments=comments))
            name, comments = NAME, []
        elif line.startswith("-- "):
            name = line[3:]
            found[-1].files[name] = []
        elif line.startswith("|"):
            found[-1].files[name].append(line[2:])
        elif line.startswith(":"):
            found[-1].marks.append(_mark(line[2:], name, len(found[-1].files[name])))
        elif line.strip():
            comments.append(line)
    return found


def _mark(line: str, file: str, number: int) -> Mark:
    drawn = _DRAWN.fullmatch(line)
    assert drawn is not None, line
    number = max(1, number)
    column = len(drawn["pad"]) + 1
    width = 0 if drawn["sign"] == "." else len(drawn["sign"])
    end = drawn["end"] or f"{number}:{column + width}"
    end_line, end_column = map(int, end.split(":"))
    what, *said = re.split(r" (?=[-=]> )", drawn["rest"])
    fixes = [item[3:] for item in said if item.startswith("=> ")]
    return Mark(
        file, number, column, end_line, end_column, drawn["code"], what,
        drawn["sign"][0] == "-", tuple(item[3:] for item in said if item.startswith("-> ")),
        json.loads(fixes[0]) if fixes else None,
    )  # fmt: skip


def marks(diagnostics: tuple[Diagnostic, ...], folder: Path) -> Iterator[tuple[Mark, Diagnostic]]:
    """The findings as they would be drawn."""
    for found in diagnostics:
        yield _at(found.origin, folder, found.code, found.severity.value, is_label=False), found
        for item in found.related:
            yield _at(item.origin, folder, found.code, item.label, is_label=True), found


def _at(origin: Origin, folder: Path, code: str, what: str, *, is_label: bool) -> Mark:
    assert isinstance(origin, FileSpan), origin
    name = os.path.relpath(origin.path, folder)
    return Mark(
        name, origin.line, origin.column, origin.end_line, origin.end_column, code, what, is_label
    )


def told(found: Diagnostic) -> str:
    """All that a finding says."""
    fix = found.fix.text if found.fix else ""
    return " ".join((found.message, found.label, found.hint, fix))


def _drawn(case: Case) -> Iterator[str]:
    yield from case.comments
    yield " ".join(["==", case.name, *(f"{k}={v}" for k, v in case.settings.items())])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        found = sorted(marks(case.checked(folder).diagnostics, folder), key=lambda pair: pair[0])
    kept = {(m.file, m.line, m.column, m.code): m for m in case.marks if not m.is_label}
    for file, lines in case.files.items():
        if file != NAME:
            yield f"-- {file}"
        for number, line in enumerate(lines or [""], 1):
            if lines:
                yield f"| {line}".rstrip(" ") if not line.strip() else f"| {line}"
            for mark, diagnostic in found:
                if (mark.file, mark.line) == (file, number):
                    old = kept.get((mark.file, mark.line, mark.column, mark.code))
                    yield _line(mark, line, old, diagnostic)


def _line(mark: Mark, line: str, old: Mark | None, found: Diagnostic) -> str:
    pad = "".join("\t" if c == "\t" else " " for c in line[: mark.column - 1])
    pad = pad.ljust(mark.column - 1)
    width = mark.end_column - mark.column if mark.end_line == mark.line else 1
    sign = ("-" if mark.is_label else "^") * width if width else "."
    end = "" if mark.end_line == mark.line else f">{mark.end_line}:{mark.end_column}"
    said = "".join(f" -> {word}" for word in old.words) if old else ""
    if not mark.is_label and found.fix is not None:
        said += " => " + json.dumps(found.fix.text, ensure_ascii=False)
    return f": {pad}{sign}{end} {mark.code} {mark.what}{said}"


def main() -> None:
    """Draw the files that are named anew."""
    for name in sys.argv[1:]:
        path = Path(name)
        drawn = ("\n".join(_drawn(case)) for case in cases(path))
        path.write_text("\n\n".join(drawn) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
