"""Colours that carry meaning once, and only where they are wanted.

red broken, yellow doubtful, green right, cyan names and places, dim what can be skipped.
"""

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import IO


class Tone(StrEnum):
    """A meaning, with its terminal colour."""

    BROKEN = "31;1"
    DOUBTFUL = "33;1"
    RIGHT = "32"
    NAME = "36"
    DIM = "2"
    STRONG = "1"


def wants_color(stream: IO[str], environ: Mapping[str, str] = os.environ) -> bool:
    """Whether colours may be written: a terminal that can show them, and no NO_COLOR."""
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return bool(environ.get("FORCE_COLOR")) or stream.isatty()


class Paint:
    """Puts tones around text, or leaves it as it is."""

    def __init__(self, *, on: bool) -> None:
        self._on = on

    def __call__(self, text: str, tone: Tone) -> str:
        """The text in this tone."""
        return f"\x1b[{tone.value}m{text}\x1b[0m" if self._on and text else text
