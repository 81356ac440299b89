"""Which sink fits where the output goes."""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Final

from mixvllm.panes.json_lines import JsonLines
from mixvllm.panes.live import Live
from mixvllm.panes.plain import Plain
from mixvllm.panes.sink import Key, Sink

_ASCII_TERMINALS: Final = frozenset({"linux", "vt100", "vt102", "vt220"})  # fonts without ours


def open_sink(
    *,
    json_lines: bool,
    color: bool,
    environ: Mapping[str, str],
    loop: asyncio.AbstractEventLoop,
    on_key: Callable[[Key], None],
    out: int = 1,
    keys: int = 0,
) -> Sink:
    """Full-screen panes on a terminal, lines elsewhere.

    ``color`` false is ``--no-color``; NO_COLOR set to anything does the same
    (no-color.org). TERM=dumb cannot move a cursor and gets plain lines.
    """
    if json_lines:
        return JsonLines(out)
    if not os.isatty(out) or environ.get("TERM", "dumb") in ("dumb", ""):
        return Plain(out)
    return Live(
        out,
        keys if os.isatty(keys) else None,
        loop=loop,
        on_key=on_key,
        color=color and not environ.get("NO_COLOR"),
        ascii_only=speaks_ascii_only(environ),
    )


def speaks_ascii_only(environ: Mapping[str, str]) -> bool:
    """The locale or the terminal has no UTF-8. An unset locale says nothing either way."""
    if environ.get("TERM") in _ASCII_TERMINALS:
        return True
    locale = next(filter(None, map(environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "")
    return bool(locale) and "utf" not in locale.lower()
