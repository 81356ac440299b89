"""Colours, each with one meaning: red broken, yellow doubtful, green right, cyan names and places.

Only the eight colours of ECMA-48 and bold and dim are used, so the operator's own
palette decides how they look, on light and on dark.
"""

from enum import Enum
from functools import cache
from typing import Final

from rich.color import ColorSystem
from rich.style import Style


class Tone(Enum):
    """What a stretch of text means; the value is its style in Rich's words."""

    PLAIN = ""
    STRONG = "bold"
    DIM = "dim"
    NAME = "cyan"
    RIGHT = "green"
    DOUBTFUL = "yellow"
    BROKEN = "red"
    STRONG_RIGHT = "bold green"
    STRONG_DOUBTFUL = "bold yellow"
    STRONG_BROKEN = "bold red"


STYLES: Final = {tone: Style.parse(tone.value) for tone in Tone}


@cache
def escapes(tone: Tone, color: bool) -> tuple[str, str]:
    """The escape sequences before and after text of this tone; bold and dim are no colours."""
    style = STYLES[tone] if color else STYLES[tone].without_color
    before, _, after = style.render("\0", color_system=ColorSystem.STANDARD).partition("\0")
    return before, after
