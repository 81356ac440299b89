"""The pages of the findings, docs/rules/: what is shown there is what is found.

On a page each ```` ```yaml ```` block is a profile. A ```` ```text ```` block after it holds
what is found in it, ``LINE:COLUMN: severity: message [CODE]``; in a profile without one,
nothing is found. A code has a page, and so has each rule across options, in the folder
combinations/ under its own name.
"""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.core.origin import FileSpan
from mixvllm.rules.base import Rule
from mixvllm.rules.combinations import every_rule
from mixvllm.services.check import Request, check
from mixvllm.testing.manual_page import ROOT, Block, Page, lay_out, neutral
from mixvllm.vllm.options import newest

FOLDER: Final = ROOT / "docs" / "rules"
_SOURCES: Final = ("settings", "rules")
_CODE: Final = re.compile(r'"(MX\d{3})"')
_SEVERITY: Final = re.compile(r"(error|warning|info)(?::.*\[|\[)(MX\d{3})\]")
_TITLE: Final = re.compile(r"# (MX\d{3})(?: ([a-z0-9-]+))?: (.+)")


def codes() -> set[str]:
    """Every code that the source can give."""
    files = (path for name in _SOURCES for path in (ROOT / "mixvllm" / name).rglob("*.py"))
    return {code for path in files for code in _CODE.findall(path.read_text(encoding="utf-8"))}


def pages() -> dict[str, Path]:
    """The page of every code."""
    return {path.stem: path for path in sorted(FOLDER.glob("MX*.md"))}


def combination_pages() -> dict[str, Path]:
    """The page of every rule across options, by the rule's name."""
    return {path.stem: path for path in sorted((FOLDER / "combinations").glob("*.md"))}


def examples(page: Page) -> Iterator[tuple[Block, Block | None]]:
    """The profiles of a page, each with the block of its findings; None: it has none."""
    profile: Block | None = None
    for block in page.blocks():
        if block.title is None and block.language == "yaml":
            if profile is not None:
                yield profile, None
            profile = block
        elif block.title is None and block.language == "text" and profile is not None:
            yield profile, block
            profile = None
    if profile is not None:
        yield profile, None


def checked(profile: Block, page: Page) -> tuple[Diagnostic, ...]:
    """What is found in a profile of a page: the newest release, no variables."""
    with tempfile.TemporaryDirectory() as name:
        return _checked(profile, page, Path(name).resolve())[1]


def findings(profile: Block, page: Page) -> str:
    """The same as the page shows it, a line each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        path, found = _checked(profile, page, folder)
        return "".join(f"{neutral(_line(d, path), folder)}\n" for d in found)


def _checked(profile: Block, page: Page, folder: Path) -> tuple[Path, tuple[Diagnostic, ...]]:
    lay_out(page.files(), folder)
    path = folder / (profile.title or "profile.yaml")
    path.write_text(profile.text, encoding="utf-8")
    environ = {"PATH": str(folder)}
    result = check(Request(path, environ))
    if ("vllm", "version") not in result.resolved.places:
        result = check(Request(path, environ, release=newest()))
    return path, result.diagnostics


def _line(found: Diagnostic, profile: Path) -> str:
    match found.origin:
        case FileSpan(path, line, column):
            place = f"{line}:{column}" if path == profile else f"{path.name}:{line}:{column}"
        case other:
            place = str(other)
    return f"{place}: {found.severity.value}: {found.message} [{found.code}]"


def severity_of(page: Page) -> str | None:
    """How much a page's own code matters, by what the page shows of it."""
    shown = (block.text for block in page.blocks() if block.language in ("text", "console"))
    said = (found for text in shown for found in _SEVERITY.finditer(text))
    return next((found[1] for found in said if found[2] == title_of(page).code), None)


@dataclass(frozen=True, slots=True)
class Title:
    """A page's heading: ``# MX240: what`` or ``# MX240 auto-tool-choice: what``."""

    code: str
    rule: str | None  # of a rule across options
    what: str


def title_of(page: Page) -> Title:
    """What the heading says. Raises ValueError without one."""
    match = _TITLE.match(page.text)
    if match is None:
        raise ValueError(f"{page.path.name} begins with no line `# MXnnn: ...`")
    return Title(match[1], match[2], match[3])


def index() -> str:
    """The table of all codes."""
    rows = ["| code | severity | what |", "|---|---|---|"]
    for code, path in pages().items():
        page = Page.read(path)
        rows.append(f"| [{code}]({code}.md) | {severity_of(page)} | {title_of(page).what} |")
    return "\n".join(rows) + "\n"


def combinations() -> str:
    """The table of all rules across options."""
    rows = ["| rule | code | severity | releases | what |", "|---|---|---|---|---|"]
    rules = {rule.name: rule for rule, _ in every_rule()}
    for name, path in combination_pages().items():
        page, rule = Page.read(path), rules[name]
        title = title_of(page)
        rows.append(
            f"| [{name}](combinations/{name}.md) | [{title.code}]({title.code}.md) |"
            f" {severity_of(page)} | {_span(rule)} | {title.what} |"
        )
    return "\n".join(rows) + "\n"


def _span(rule: Rule) -> str:
    first = f"from {rule.since}" if rule.since else ""
    last = f"before {rule.until}" if rule.until else ""
    return " ".join(filter(None, (first, last))) or "all"
