"""The pages of the findings, docs/rules/: what is shown there is what is found.

On a page each ```` ```yaml ```` block is a profile. A ```` ```text ```` block after it holds
what is found in it, ``LINE:COLUMN: severity: message [CODE]``; in a profile without one,
nothing is found. A file ``host.json`` is the inventory that a profile is checked for, and
``situation.sh`` is what befalls this machine (:mod:`mixvllm.testing.manual_machine`).
A code has a page, and so has each rule across options, in the folder
combinations/ under its own name. Of the files in a model's folder a page shows those that it
speaks of; the others are there too.
"""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.core.origin import FileSpan
from mixvllm.rules.base import Rule
from mixvllm.rules.combinations import every_rule
from mixvllm.services.check import Request, check
from mixvllm.services.page import RulePage, parse_page
from mixvllm.testing import manual_machine
from mixvllm.testing.manual_page import ROOT, Block, Page, lay_out, neutral, real
from mixvllm.testing.small_checkpoint import write_checkpoint
from mixvllm.vllm.options import newest

FOLDER: Final = ROOT / "docs" / "rules"
_HOST: Final = "host.json"
_SOURCES: Final = ("settings", "rules")
_CODE: Final = re.compile(r'"(MX\d{3})"')
_SEVERITY: Final = re.compile(r"(error|warning|info)(?::.*\[|\[)(MX\d{3})\]")
_MODELS: Final = {"model", "mended"}  # folders that are models


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
        if manual_machine.SITUATION in page.files():
            return manual_machine.findings(_lay_out(profile, page, folder))
        path, found = _checked(profile, page, folder)
        return "".join(f"{neutral(_line(d, path), folder)}\n" for d in found)


def _checked(profile: Block, page: Page, folder: Path) -> tuple[Path, tuple[Diagnostic, ...]]:
    path = _lay_out(profile, page, folder)
    host = folder / _HOST if _HOST in page.files() else None
    request = Request(path, {"PATH": str(folder)}, host=host)
    result = check(request)
    if ("vllm", "version") not in result.resolved.places:
        result = check(replace(request, release=newest()))
    return path, result.diagnostics


def _lay_out(profile: Block, page: Page, folder: Path) -> Path:
    lay_out(page.files(), folder)
    for name in _MODELS & {Path(title).parts[0] for title in page.files()}:
        write_checkpoint(folder / name)
    path = folder / (profile.title or "profile.yaml")
    path.write_text(real(profile.text, folder), encoding="utf-8")
    return path


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
    return next((found[1] for found in said if found[2] == told_by(page).code), None)


def told_by(page: Page) -> RulePage:
    """The page as `explain` shows it. Raises ValueError where it could not."""
    found = parse_page(page.text)
    if found is None:
        raise ValueError(f"{page.path.name} begins with no line `# MXnnn: ...`")
    return found


def index() -> str:
    """The table of all codes."""
    rows = ["| code | severity | what |", "|---|---|---|"]
    for code, path in pages().items():
        page = Page.read(path)
        rows.append(f"| [{code}]({code}.md) | {severity_of(page)} | {told_by(page).what} |")
    return "\n".join(rows) + "\n"


def combinations() -> str:
    """The table of all rules across options."""
    rows = ["| rule | code | severity | releases | what |", "|---|---|---|---|---|"]
    rules = {rule.name: rule for rule, _ in every_rule()}
    for name, path in combination_pages().items():
        page, rule = Page.read(path), rules[name]
        told = told_by(page)
        rows.append(
            f"| [{name}](combinations/{name}.md) | [{told.code}]({told.code}.md) |"
            f" {severity_of(page)} | {_span(rule)} | {told.what} |"
        )
    return "\n".join(rows) + "\n"


def _span(rule: Rule) -> str:
    first = f"from {rule.since}" if rule.since else ""
    last = f"before {rule.until}" if rule.until else ""
    return " ".join(filter(None, (first, last))) or "all"
