"""The figures that vLLM's log named, as they are read: with a unit, in our grouping."""

import re
from typing import Final

from mixvllm.core.board import Board

_GROUPED: Final = re.compile(r"\d{1,3}(,\d{3})+")
_VERSION: Final = "version"


def fact_words(name: str, value: str) -> tuple[str, str]:
    """``kv_tokens``, ``46,592`` as ``kv tokens``, ``46 592``; seconds lose their word to a unit."""
    if name.endswith("_seconds"):
        name, value = name.removesuffix("_seconds"), f"{value} s"
    elif _GROUPED.fullmatch(value):
        value = value.replace(",", " ")
    return name.replace("_", " "), value


def figures(board: Board) -> tuple[tuple[str, str], ...]:
    """All but the version, which stands in the title."""
    return tuple(fact_words(name, value) for name, value in board.facts if name != _VERSION)


def version(board: Board) -> str | None:
    """The release that runs; until vLLM has said it, the one that was checked against."""
    return dict(board.facts).get(_VERSION) or board.run.release
