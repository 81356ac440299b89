"""The symbols of the panes, each with an ASCII twin; every one is a single cell wide."""

from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True)
class Symbols:
    """One set of symbols. ``levels`` are the eight heights of a sparkline."""

    right: str
    working: str
    doubtful: str
    broken: str
    idle: str
    done: str
    current: str
    pending: str
    full: str
    empty: str
    levels: str
    ellipsis: str
    degree: str
    top_left: str
    top_right: str
    bottom_left: str
    bottom_right: str
    across: str
    down: str
    tee_right: str  # a border with a branch to the right
    tee_left: str
    tee_down: str
    tee_up: str
    cross: str


UNICODE: Final = Symbols(
    right="●", working="◐", doubtful="▲", broken="✗", idle="○",
    done="✓", current="▸", pending="·", full="█", empty="░", levels="▁▂▃▄▅▆▇█",
    ellipsis="…", degree="°",
    top_left="╭", top_right="╮", bottom_left="╰", bottom_right="╯", across="─", down="│",
    tee_right="├", tee_left="┤", tee_down="┬", tee_up="┴", cross="┼",
)  # fmt: skip
ASCII: Final = Symbols(
    right="*", working="~", doubtful="!", broken="x", idle="o",
    done="+", current=">", pending=".", full="#", empty=".", levels="_.,:-=+#",
    ellipsis="~", degree="",
    top_left="+", top_right="+", bottom_left="+", bottom_right="+", across="-", down="|",
    tee_right="+", tee_left="+", tee_down="+", tee_up="+", cross="+",
)  # fmt: skip
KNOWN: Final = frozenset(
    "".join(getattr(UNICODE, field.name) for field in fields(Symbols))
)  # their width is certain on every terminal that we draw on
