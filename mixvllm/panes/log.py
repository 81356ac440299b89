"""The tail of vLLM's output, shortened for reading.

vLLM 0.32.0 writes ``(EngineCore pid=10485) INFO 11-22 07:38:18 [core.py:133] text``
(its `logging_utils/formatter.py`), uvicorn ``INFO:     text``. Here a line is its time (when
it arrived, if it does not say), a letter where the level is not INFO, and the text; the
log file has all of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from mixvllm.core.board import Board
from mixvllm.panes.line import Line, Span, wrap_words
from mixvllm.panes.look import Look
from mixvllm.panes.tones import Tone

_LINE: Final = re.compile(
    r"(?:\((?P<who>[^()]*?) pid=\d+\) )?"
    r"(?:(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL)"
    r"(?: \d\d-\d\d (?P<time>\d\d:\d\d:\d\d) \[[^\]]*\] ?|:\s+))?(?P<text>.*)",
    re.DOTALL,
)
_PROGRESS: Final = re.compile(r"[^%]*?:(?= +\d+%)")
_NOISE: Final = re.compile(
    r"^\s*$|[█▄▀][ █▄▀]*[█▄▀]|\"GET /(?:health|metrics)\S* HTTP/[\d.]+\" 200"
)
_LEVELS: Final = {
    "DEBUG": ("D", Tone.DIM),
    "WARNING": ("W", Tone.DOUBTFUL),
    "ERROR": ("E", Tone.BROKEN),
    "CRITICAL": ("E", Tone.BROKEN),
}
_WITH_TIME: Final = 50  # cells from which the time has room
_WITH_WHO: Final = 110  # and the process that spoke
_WHO: Final = 12
_MOST_ROWS: Final = 100  # of one line, wrapped
_LONGEST: Final = 4000  # characters of one line that are looked at


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log; ``time`` and ``level`` are empty where the line has none."""

    who: str
    level: str
    time: str
    text: str


@lru_cache(512)
def parse_entry(line: str) -> Entry:
    """Split a line of vLLM's output. Any text is an entry."""
    match = _LINE.match(line)
    if match is None:  # the pattern matches everything; mypy cannot know
        return Entry("", "", "", line)
    return Entry(match["who"] or "", match["level"] or "", match["time"] or "", match["text"])


def tail(board: Board, look: Look, width: int, rows: int) -> list[Line]:
    """The last ``rows`` rows that say something; lines are cut, after a failure wrapped.

    Of a bar that tqdm drew again and again only the latest state is shown; blank lines,
    vLLM's logo and our own questions after its health and metrics are left out.
    """
    lines: list[Line] = []
    newer = ""
    for entry in _latest(board):
        if len(lines) >= rows:
            break
        shape, before = _shape(entry), newer
        newer = shape
        if _NOISE.search(entry.text) or (shape and shape == before):
            continue
        if board.state == "failed":
            lines += reversed(_wrapped(entry, look, width))
        else:
            lines.append((*_margin(entry, look, width), Span(look.text(entry.text))))
    return lines[:rows][::-1]


def pages(board: Board, look: Look, width: int, rows: int) -> list[Line]:
    """The last ``rows`` rows of the whole log, long lines wrapped under their own text."""
    lines: list[Line] = []
    for entry in _latest(board):
        if len(lines) >= rows:
            break
        lines += reversed(_wrapped(entry, look, width))
    return lines[:rows][::-1]


def _wrapped(entry: Entry, look: Look, width: int) -> list[Line]:
    margin = _margin(entry, look, width)
    indent = sum(len(span.text) for span in margin)
    pieces = wrap_words(look.text(entry.text), max(1, width - indent), _MOST_ROWS, "") or [""]
    blank = (Span(" " * indent),) if indent else ()
    return [(*(blank if place else margin), Span(piece)) for place, piece in enumerate(pieces)]


def _shape(entry: Entry) -> str:
    """What the states of one progress bar have in common; empty for other lines."""
    match = _PROGRESS.match(entry.text)
    return match[0] if match else ""


def _latest(board: Board) -> Iterator[Entry]:
    """The newest entry first, each with a time as far as one is known."""
    arrived = board.tail_times if len(board.tail_times) == len(board.tail) else ()
    for place in range(len(board.tail) - 1, -1, -1):
        entry = parse_entry(board.tail[place][:_LONGEST])
        wall = board.run.wall(arrived[place]) if arrived and not entry.time else None
        yield entry if wall is None else replace(entry, time=f"{wall:%H:%M:%S}")


def _margin(entry: Entry, look: Look, width: int) -> Line:
    """Time, process and level before the text; all single cells."""
    spans: list[Span] = []
    if width >= _WITH_TIME:
        spans.append(Span(f"{entry.time:8} ", Tone.DIM))
    if width >= _WITH_WHO:
        who = look.text(entry.who).encode("ascii", "replace").decode("ascii")
        spans.append(Span(f"{who[:_WHO]:{_WHO}} ", Tone.DIM))
    letter, tone = _LEVELS.get(entry.level, (" ", Tone.PLAIN))
    if width >= _WITH_TIME or letter != " ":
        spans.append(Span(f"{letter} ", tone))
    return tuple(spans)


def heading(board: Board, look: Look) -> Line:
    """``log logs/llama-8b/engine.log``, and what of it is missing."""
    spans = [Span("log", Tone.STRONG)]
    if board.run.log_file:
        spans += [Span(" "), Span(look.text(board.run.log_file), Tone.NAME)]
    if board.lines_skipped:
        spans.append(Span(f" {board.lines_skipped} lines not shown", Tone.DOUBTFUL))
    return tuple(spans)
