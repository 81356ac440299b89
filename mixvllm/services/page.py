"""The page of a finding: the documentation itself, which travels in the wheel.

Each code has a page in docs/rules/, and so has each rule across options, in the folder
combinations/ under the rule's name. The build puts them beside this module (pyproject.toml);
in a checkout they are read where they stand.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PACKED: Final = Path(__file__).with_name("pages")
_CHECKOUT: Final = Path(__file__).parents[2] / "docs" / "rules"
_TITLE: Final = re.compile(r"# (MX\d{3})(?: ([a-z0-9-]+))?: (.+)\n")
_CODE: Final = re.compile(r"mx\d{3}", re.IGNORECASE)
_NAME: Final = re.compile(r"[a-z0-9-]+")
_MOST: Final = 3  # names that are suggested


@dataclass(frozen=True, slots=True)
class RulePage:
    """A page: ``# MX240: what``, or ``# MX240 auto-tool-choice: what``, and the text below."""

    code: str
    rule: str | None  # of a rule across options
    what: str
    text: str  # Markdown, without the heading


def find_page(name: str) -> RulePage | None:
    """The page of ``MX241``, ``headless-api-servers`` or ``MX241/headless-api-servers``."""
    code, slash, rule = name.strip().partition("/")
    if _CODE.fullmatch(code) and not slash:
        return _read(_folder() / f"{code.upper()}.md")
    wanted = (rule if slash else code).lower().replace("_", "-")
    page = _read(_folder() / "combinations" / f"{wanted}.md") if _NAME.fullmatch(wanted) else None
    return None if page is None or (slash and page.code != code.upper()) else page


def code_pages() -> Iterator[RulePage]:
    """The pages of all codes, in order."""
    return _pages(_folder())


def rule_pages() -> Iterator[RulePage]:
    """The pages of all rules across options, by name."""
    return _pages(_folder() / "combinations")


def page_names() -> list[str]:
    """The names of all pages, without a look into them: codes, then rules."""
    folder = _folder()
    codes = (path.stem for path in folder.glob("MX*.md"))
    return [*sorted(codes), *sorted(path.stem for path in folder.glob("combinations/*.md"))]


def nearest_pages(name: str) -> list[str]:
    """The codes or rules that may have been meant, the likeliest first, at most three."""
    code, slash, rule = name.strip().partition("/")
    if slash:
        known = [page.rule for page in rule_pages() if page.rule is not None]
        near = difflib.get_close_matches(rule, known, n=_MOST, cutoff=0.4)
        return near or [code.upper()]
    codes = (page.code for page in code_pages())
    return sorted(codes, key=lambda known: abs(int(known[2:]) - int(code[2:])))[:_MOST]


def parse_page(text: str) -> RulePage | None:
    """The page that a text is; None where the heading is no page's (the index)."""
    title = _TITLE.match(text)
    return title and RulePage(title[1], title[2], title[3].strip(), text[title.end() :].strip())


def is_code(text: str) -> bool:
    """Whether a text has the form of a code, with a rule's name after it or not."""
    return _CODE.fullmatch(text.strip().partition("/")[0]) is not None


def _folder() -> Path:
    return _PACKED if _PACKED.is_dir() else _CHECKOUT


def _pages(folder: Path) -> Iterator[RulePage]:
    for path in sorted(folder.glob("*.md")):
        page = _read(path)
        if page is not None:
            yield page


def _read(path: Path) -> RulePage | None:
    """The page in a file; None where there is no file, or one that is no page."""
    try:
        return parse_page(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
