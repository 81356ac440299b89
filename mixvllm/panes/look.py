"""What every block of the picture is drawn with: the time, the symbols, and how figures read."""

import math
from dataclasses import dataclass
from typing import Final

from mixvllm.core.units import show_count, show_duration, show_size
from mixvllm.panes.line import Line, Span, apart, clean, cut, fit
from mixvllm.panes.symbols import ASCII, Symbols
from mixvllm.panes.tones import Tone

_LEAST_BAR: Final = 5  # cells


@dataclass(frozen=True, slots=True)
class Look:
    """``now`` is in seconds of the run, as the board's times are."""

    now: float
    symbols: Symbols

    def text(self, raw: str) -> str:
        """Foreign text, made safe for a cell grid."""
        return clean(raw, ascii_only=self.symbols is ASCII)

    def fit(self, line: Line, width: int) -> Line:
        """Exactly ``width`` cells."""
        return fit(line, width, self.symbols.ellipsis)

    def cut(self, text: str, width: int) -> str:
        """At most ``width`` cells."""
        return cut(text, width, self.symbols.ellipsis)

    def apart(self, left: Line, right: Line, width: int) -> Line:
        """Both ends of a line of ``width`` cells."""
        return apart(left, right, width, self.symbols.ellipsis)

    def bar(self, share: float | None, cells: int) -> Line:
        """A bar of ``share`` (0 to 1); nothing for what is unknown.

        It is full only when the share is 1; below a few cells it would say nothing either.
        """
        if share is None or not math.isfinite(share) or cells < _LEAST_BAR:
            return ()
        full = cells if share >= 1 else min(cells - 1, max(0, round(share * cells)))
        return (
            Span(self.symbols.full * full),
            Span(self.symbols.empty * (cells - full), Tone.DIM),
        )

    def spark(self, values: tuple[float, ...], top: float) -> str:
        """One column a value, scaled to ``top``."""
        steps = len(self.symbols.levels) - 1
        return "".join(
            self.symbols.levels[min(steps, max(0, round(value / top * steps)))]
            for value in values
            if math.isfinite(value) and top > 0
        )

    def since(self, began: float) -> str:
        """Whole seconds since ``began``: what runs on is not told in tenths."""
        return duration(math.floor(max(0.0, self.now - began)), whole=True)


def duration(seconds: float, *, whole: bool = False) -> str:
    """``11 s``; below ten seconds with tenths unless ``whole``."""
    if not math.isfinite(seconds):
        return "unknown"
    if whole and seconds < 60:
        return f"{seconds:.0f} s"
    return show_duration(max(0.0, seconds))


def count(value: float | None) -> str | None:
    """``36 900``: whole, in groups of three. None for what is not a number."""
    if value is None or not math.isfinite(value):
        return None
    return show_count(value)


def percent(share: float | None) -> str | None:
    """``31 %`` of a share from 0 to 1."""
    return None if share is None or not math.isfinite(share) else f"{share * 100:.0f} %"


def span_of_time(times: tuple[float, ...]) -> str:
    """``last 60 s``: how much time samples span. Empty for fewer than two."""
    if len(times) < 2 or not math.isfinite(times[-1] - times[0]):
        return ""
    return f"last {duration(max(0.0, times[-1] - times[0]), whole=True)}"


def part_of(used: int | None, total: int | None) -> str:
    """``70.1 of 79.2 GiB``, in the unit of the total; what is not known is left out."""
    if total is None or used is None:
        known = used if total is None else total
        if known is None:
            return "unknown"
        return f"{show_size(known)} used" if total is None else f"of {show_size(known)}"
    whole = show_size(total)
    number, _, unit = whole.rpartition(" ")
    scale = total / float(number) if float(number) else 1.0
    decimals = 1 if "." in number else 0
    return f"{used / scale:.{decimals}f} of {number} {unit}"
