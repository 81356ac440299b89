"""The pages of the findings, docs/rules/: what is shown there is what is found.

On a page each ```` ```yaml ```` block is a profile. A ```` ```text ```` block after it holds
what is found in it, ``LINE:COLUMN: severity: message [CODE]``; in a profile without one,
nothing is found.
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.core.origin import FileSpan
from mixvllm.services.check import Request, check
from mixvllm.testing.manual_page import ROOT, Block, Page, lay_out, neutral
from mixvllm.vllm.options import newest

FOLDER: Final = ROOT / "docs" / "rules"
_SOURCES: Final = ("settings", "rules")
_CODE: Final = re.compile(r'"(MX\d{3})"')
_SEVERITY: Final = re.compile(r"(error|warning|info)(?::.*\[|\[)(MX\d{3})\]")
_TITLE: Final = re.compile(r"# (MX\d{3}): (.+)")


def codes() -> set[str]:
    """Every code that the source can give."""
    files = (path for name in _SOURCES for path in (ROOT / "mixvllm" / name).glob("*.py"))
    return {code for path in files for code in _CODE.findall(path.read_text(encoding="utf-8"))}


def pages() -> dict[str, Path]:
    """Every page there is: code -> file."""
    return {path.stem: path for path in sorted(FOLDER.glob("MX*.md"))}


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


def findings(profile: Block, page: Page) -> str:
    """What is found in a profile of a page, a line each; the newest release, no variables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        lay_out(page.files(), folder)
        path = folder / (profile.title or "profile.yaml")
        path.write_text(profile.text, encoding="utf-8")
        environ = {"PATH": str(folder)}
        checked = check(Request(path, environ))
        if ("vllm", "version") not in checked.resolved.places:
            checked = check(Request(path, environ, release=newest()))
        return "".join(f"{neutral(_line(d, path), folder)}\n" for d in checked.diagnostics)


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
    return next((found[1] for found in said if found[2] == page.path.stem), None)


def title_of(page: Page) -> tuple[str, str]:
    """The code and the sentence in the page's heading. Raises ValueError without one."""
    match = _TITLE.match(page.text)
    if match is None:
        raise ValueError(f"{page.path.name} begins with no line `# MXnnn: ...`")
    return match[1], match[2]


def index() -> str:
    """The table of all codes."""
    rows = ["| code | severity | what |", "|---|---|---|"]
    for path in pages().values():
        page = Page.read(path)
        code, title = title_of(page)
        rows.append(f"| [{code}]({code}.md) | {severity_of(page)} | {title} |")
    return "\n".join(rows) + "\n"
