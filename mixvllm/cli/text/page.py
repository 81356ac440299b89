"""A page of the manual for a terminal: plain text, 80 columns.

Only what the pages use is known: headings, paragraphs, lists, tables, fenced blocks, links,
`code`. rich.markdown would take longer to import than the whole command takes.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mixvllm.cli.text.style import Paint, Tone
from mixvllm.services.page import RulePage

WIDTH: Final = 80
_FENCE: Final = re.compile(r'```(?P<language>[a-z]*)(?: title="(?P<title>[^"]+)")?$')
_LINK: Final = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<target>[^)\s]+)\)")
_PAGE: Final = re.compile(r"(?:.*/)?(?P<name>MX\d{3}|[a-z0-9-]+)\.md(?:#.*)?$")
_ITEM: Final = re.compile(r"(?P<sign>[-*]|\d+\.) ")
_SEVERITY: Final = {"error": Tone.BROKEN, "warning": Tone.DOUBTFUL, "info": Tone.NAME}


def page_lines(page: RulePage, rules: Sequence[RulePage], paint: Paint) -> Iterator[str]:
    """A page, line by line; ``rules`` are those that share its code."""
    name = f"{page.code} {page.rule}" if page.rule else page.code
    for line in textwrap.wrap(f"{name}: {page.what}", WIDTH, break_on_hyphens=False):
        yield paint(line, Tone.STRONG)
    yield ""
    yield from _body(page.text.splitlines(), paint)
    if rules:
        yield ""
        yield from _paragraph("Its rules, each with a page of its own:", paint)
        width = max(len(rule.rule or "") for rule in rules)
        for rule in rules:
            yield from textwrap.wrap(
                f"{rule.rule:<{width}}  {rule.what}", WIDTH,
                initial_indent="  ", subsequent_indent=" " * (width + 4), break_on_hyphens=False,
            )  # fmt: skip
    asked = page.rule or page.code
    seen = [name for name in dict.fromkeys(_linked(page.text)) if name != asked]
    if seen:
        yield ""
        yield f"see also: {', '.join(paint(f'mixvllm explain {name}', Tone.NAME) for name in seen)}"


def _body(lines: Sequence[str], paint: Paint) -> Iterator[str]:
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is not None:
            end = lines.index("```", at + 1)
            is_numbered = fence["language"] == "yaml" and _findings_follow(lines[end + 1 :])
            yield from _block(fence, lines[at + 1 : end], paint, is_numbered=is_numbered)
            at = end + 1
        elif lines[at].startswith("#"):
            yield paint(lines[at].lstrip("# "), Tone.STRONG)
            at += 1
        elif lines[at].startswith("|"):
            yield _links_as_words(lines[at])
            at += 1
        elif not lines[at].strip():
            yield ""
            at += 1
        else:
            end = at + 1
            while end < len(lines) and lines[end].strip() and not _begins(lines[end]):
                end += 1
            yield from _paragraph(" ".join(map(str.strip, lines[at:end])), paint)
            at = end


def _begins(line: str) -> bool:
    """Whether a line cannot be the next one of a paragraph."""
    return line.startswith(("#", "|", "```")) or _ITEM.match(line) is not None


def _findings_follow(lines: Sequence[str]) -> bool:
    """Whether the next thing is a block of findings, which name lines of this one."""
    following = (line for line in lines if line.strip())
    return next(following, "") == "```text"


def _block(
    fence: re.Match[str], lines: Sequence[str], paint: Paint, *, is_numbered: bool
) -> Iterator[str]:
    """A block, indented; findings in the colour of their severity."""
    if fence["title"]:
        yield paint(f"  {fence['title']}", Tone.DIM)
    for number, line in enumerate(lines, start=1):
        severity = re.match(r"[\w./-]*(?::\d+)*: (error|warning|info): ", line)
        found = fence["language"] == "text" and severity is not None
        if found and severity is not None:
            wrapped = textwrap.wrap(line, WIDTH - 6, break_long_words=False, break_on_hyphens=False)
            for i, part in enumerate(wrapped):
                yield f"    {'  ' if i else ''}{paint(part, _SEVERITY[severity[1]])}"
        else:
            sign = paint(f"{number:>2} | ", Tone.NAME) if is_numbered else ""
            yield f"    {sign}{line}".rstrip()


def _paragraph(text: str, paint: Paint) -> Iterator[str]:
    """Wrapped before it is painted: colours have no width."""
    item = _ITEM.match(text)
    indent = " " * len(item[0]) if item else ""
    lines = textwrap.wrap(
        _links_as_words(text), WIDTH, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    yield from _with_code(lines, paint)


def _with_code(lines: Iterable[str], paint: Paint) -> Iterator[str]:
    """`code` in the colour of names, over the ends of lines too."""
    inside = False
    for line in lines:
        parts = []
        for i, part in enumerate(line.split("`")):
            if i:
                inside = not inside
            parts.append(paint(part, Tone.NAME) if inside else part)
        yield "`".join(parts)


def _links_as_words(text: str) -> str:
    """A link keeps its text, one to the web its address too; `_linked` names the pages."""

    def words(link: re.Match[str]) -> str:
        web = link["target"].startswith(("http://", "https://"))
        return f"{link['text']} ({link['target']})" if web else link["text"]

    return _LINK.sub(words, text)


def _linked(text: str) -> Iterator[str]:
    """The pages of findings that a text links to: what `explain` takes."""
    for link in _LINK.finditer(text):
        page = _PAGE.match(link["target"])
        rules = "combinations/" in link["target"] or (page and page["name"].startswith("MX"))
        if page is not None and rules and not link["target"].startswith("http"):
            yield page["name"]
