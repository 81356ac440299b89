"""The facts of one release that mixvllm does not ship, read from an installed vLLM and kept.

A file of its own for each: `encode` writes it, and `decode` refuses whatever it did not write.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Final, TypeAlias, cast

from mixvllm.vllm.table import Section, Spec, load_table, numbers

FORMAT: Final = 1
_MOST_DIGITS: Final = 9  # of one part of a release
_SECTIONS: Final = ("options", "variables", "keys")

LearnedFacts: TypeAlias = Mapping[Section, Mapping[str, Spec]]


def is_the_later(asked: str | None, installed: str | None) -> bool:
    """Whether what is asked for is the installed release, and that comes after all known ones:
    another minor, or a build on the way to one. A patch of a known minor is none, because options
    change with minors.
    """
    if asked is None or installed is None:
        return False
    known = numbers(load_table().releases[-1])
    mine = _release_numbers(installed)
    later = mine[:2] > known[:2] or (".dev" in installed and mine > known)
    return later and _release_numbers(asked)[:2] == mine[:2]


def _release_numbers(release: str) -> tuple[int, ...]:
    """``"0.34.0.dev12+g1a2b"`` as ``(0, 34, 0)``; empty for what is no release."""
    digits: list[int] = []
    for part in release.partition("+")[0].lstrip("v").split("."):
        if not (part.isascii() and part.isdecimal()) or len(part) > _MOST_DIGITS:
            break
        digits.append(int(part))
    return tuple(digits)


def add_learned(release: str, facts: LearnedFacts) -> None:
    """Make a later release known to this process, under its numbers alone."""
    load_table().add(".".join(map(str, _release_numbers(release))), facts)


def encode(facts: LearnedFacts) -> bytes:
    """The bytes of the file."""
    return zlib.compress(json.dumps({"format": FORMAT, **facts}).encode(), 6)


def decode(data: bytes) -> LearnedFacts:
    """The facts in a file. Raises ValueError for one that is torn, or of another format."""
    try:
        found = json.loads(zlib.decompress(data))
    except (zlib.error, ValueError) as error:
        raise ValueError(f"not a file of facts: {error}") from None
    if not isinstance(found, dict) or found.pop("format", None) != FORMAT:
        raise ValueError(f"a file of another format than {FORMAT}")
    if set(found) != set(_SECTIONS) or not found["options"]:
        raise ValueError("a file of facts without options")
    return cast("LearnedFacts", found)
