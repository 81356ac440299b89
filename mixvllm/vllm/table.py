"""The packed history of vLLM's releases, as `mixvllm.vllm.pack` writes it.

Reading it is on the way of nearly every command, so it is one file, unpacked by zlib alone
(`gzip` and `importlib.resources` cost more to import than the file costs to read).
"""

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal, Required, TypeAlias, TypedDict

Section: TypeAlias = Literal["options", "variables", "keys"]

RELEASES: Final = Path(__file__).with_name("releases.json.gz")
_GZIP: Final = 16 + zlib.MAX_WBITS
_RELEASE = re.compile(r"v?(\d{1,9})\.(\d{1,9})(?!\d)(?:\.(\d{1,9})(?!\d))?", re.ASCII)


class Spec(TypedDict, total=False):
    """One option, variable or key during one span; a field at its default is left out."""

    kind: Required[str]
    flags: Required[list[str]]
    many: bool
    choices: list[str | int | None]
    at_least: float
    above: float
    at_most: float
    below: float
    default: object
    optional: bool
    deprecated: bool
    config: str
    null_text: bool
    negations: list[str]
    suggested: list[str]
    repeated: bool
    folded: bool
    suffixes: str
    group: str
    leaves: str
    accepts: list[str]
    items: list[str]
    readings: str


Span: TypeAlias = tuple[int, int, Spec]
"""First release, last release (both included, as indices), and what held between them."""


class _Packed(TypedDict):
    releases: list[str]
    spellings: list[str]
    options: dict[str, list[Span]]
    variables: dict[str, list[Span]]
    keys: dict[str, list[Span]]


class UnknownRelease(LookupError):
    """A release mixvllm has no data for. ``nearest`` is the known one to try instead."""

    def __init__(self, release: str, nearest: str, known: str) -> None:
        super().__init__(f"no data for vLLM {release}; mixvllm knows {known}")
        self.release = release
        self.nearest = nearest


class Table:
    """All releases, oldest first."""

    def __init__(self, packed: _Packed) -> None:
        self.releases = tuple(packed["releases"])
        self.spellings: Final = tuple(packed["spellings"])  # texts a variable's readings stand for
        self._packed: Final = packed

    def index_of(self, release: str) -> int:
        """The place of a release, or of the nearest known patch of the same minor.

        "0.32.0", "v0.32", "0.32.1rc1" and "0.32.0+cpu" are all read. Raises UnknownRelease.
        """
        match = _RELEASE.match(release)
        wanted = numbers(match[0]) if match else ()
        known = [numbers(name) for name in self.releases]
        same = [index for index, numbers in enumerate(known) if numbers[:2] == wanted[:2]]
        if not same:
            older = [index for index, numbers in enumerate(known) if numbers <= wanted]
            nearest = self.releases[max(older, default=0) if match else -1]
            spread = f"{self.releases[0]} to {self.releases[-1]}"
            raise UnknownRelease(release, nearest, spread)
        patch = wanted[2] if len(wanted) > 2 else 0
        return min(same, key=lambda index: abs(known[index][2] - patch))

    def before_all(self, release: str) -> str | None:
        """A release in three numbers where it is older than all that are known, else None."""
        match = _RELEASE.match(release)
        wanted = (*numbers(match[0]), 0)[:3] if match else ()
        if not wanted or wanted >= numbers(self.releases[0]):
            return None
        return ".".join(map(str, wanted))

    def add(self, release: str, facts: Mapping[Section, Mapping[str, Spec]]) -> None:
        """Add a release later than all others, e.g. one that was read from an installed vLLM.

        Indices stay what they were, so what was looked up before is still right.
        """
        index = len(self.releases)
        self.releases = (*self.releases, release)
        for section, found in facts.items():
            for name, spec in found.items():
                self._packed[section].setdefault(name, []).append((index, index, spec))

    def at(self, section: Section, index: int) -> dict[str, Spec]:
        """What one release has, by name."""
        return {
            name: spec
            for name, spans in self._packed[section].items()
            for first, last, spec in spans
            if first <= index <= last
        }

    def spans(self, section: Section, name: str) -> list[Span]:
        """The history of one name, oldest first; empty when no release has it."""
        return self._packed[section].get(name, [])

    def histories(self, section: Section) -> Iterator[tuple[str, list[Span]]]:
        """Every name with its history."""
        yield from self._packed[section].items()


def numbers(release: str) -> tuple[int, ...]:
    """``"v0.32.0"`` as ``(0, 32, 0)``, to compare releases by."""
    return tuple(map(int, release.lstrip("v").split(".")))


@cache
def load_table() -> Table:
    """The table in the wheel, read once."""
    packed: _Packed = json.loads(zlib.decompress(RELEASES.read_bytes(), _GZIP))
    return Table(packed)
