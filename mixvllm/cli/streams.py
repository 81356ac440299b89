"""Standard input, output and error as they may be: closed, full, unread, or without our letters."""

import os
import sys
from typing import Final, TextIO

_NAMES: Final = ("stdin", "stdout", "stderr")


def open_streams() -> None:
    """Make the three usable. A closed one becomes the null device: `2>&-` means "tell nobody"
    and not "tell it where results go"; and a letter that the terminal lacks is written out.
    """
    for number, name in enumerate(_NAMES):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            _fill(number)
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
        elif name != "stdin":
            stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]


def _fill(number: int) -> None:
    """Put the null device where a descriptor is closed, before a file of ours gets its number."""
    null = os.open(os.devnull, os.O_RDWR)
    if null != number:
        os.dup2(null, number)
        os.close(null)


def forget_stdout() -> None:
    """Nobody can be told any more: what is left in the buffer goes to the null device."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def print_diff(diff: str) -> None:
    """To a program as it is; to a terminal without what would move its cursor over other lines."""
    if sys.stdout.isatty():
        diff = "\n".join(visible(line.removesuffix("\r")) for line in diff.split("\n"))
    print(diff, end="")


def visible(text: str) -> str:
    """The text without anything that would move the cursor, change colours or turn it around."""
    return "".join(
        c
        if c.isprintable()
        else "    "
        if c == "\t"
        else c.encode("unicode_escape", "surrogatepass").decode()
        for c in text
    )
