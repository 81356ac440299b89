"""A page of the manual: its fenced blocks, and its regions that are written by a program.

A region stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``. A block with a title
(```` ```yaml title="base.yaml" ````) is a file of that name, for the blocks around it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]  # of the checkout: the manual is not installed
_EVERYWHERE: Final = "/srv/profiles"
_FENCE: Final = re.compile(
    r'^```(?P<language>[a-z]+)(?: title="(?P<title>[^"\n]+)")?\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
_REGION: Final = re.compile(
    r"(?P<head>^<!-- generated: (?P<name>[a-z-]+) -->\n).*?(?P<tail>^<!-- end -->$)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. ``start`` and ``end`` are the offsets of its text in the page."""

    language: str
    title: str | None
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Page:
    """A Markdown file."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> "Page":
        """The page as it is on disk."""
        return cls(path, path.read_text(encoding="utf-8"))

    def blocks(self, language: str = "") -> tuple[Block, ...]:
        """The blocks in order; of one language, if it is named."""
        found = (
            Block(match["language"], match["title"], match["text"], *match.span("text"))
            for match in _FENCE.finditer(self.text)
        )
        return tuple(block for block in found if language in ("", block.language))

    def files(self) -> dict[str, str]:
        """What the page shows as files: title -> text."""
        return {block.title: block.text for block in self.blocks() if block.title is not None}

    def with_texts(self, texts: Sequence[tuple[Block, str]]) -> str:
        """The page with other texts in some of its blocks."""
        result = self.text
        for block, text in sorted(texts, key=lambda pair: pair[0].start, reverse=True):
            result = result[: block.start] + text + result[block.end :]
        return result

    def with_regions(self, writers: Mapping[str, Callable[[], str]]) -> str:
        """The page with its generated regions written anew. Raises KeyError: no such writer."""
        return _REGION.sub(
            lambda region: f"{region['head']}\n{writers[region['name']]()}\n{region['tail']}",
            self.text,
        )


def lay_out(files: Mapping[str, str], folder: Path) -> None:
    """Write files into a folder; the checkout's profiles are there too, under their own name."""
    (folder / "profiles").symlink_to(ROOT / "profiles")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def neutral(text: str, folder: Path) -> str:
    """The text as it would be in a folder that is the same on every machine."""
    return text.replace(str(folder), _EVERYWHERE)


def real(text: str, folder: Path) -> str:
    """The text as it is in this folder: the inverse of `neutral`."""
    return text.replace(_EVERYWHERE, str(folder))
