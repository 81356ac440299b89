"""Amounts with a unit: sizes in bytes and durations in seconds.

Both parse the operator's text (``20GiB``, ``10m``) and print it back, so that a
number never travels without its unit.
"""

import math
import re
from typing import Final

_SIZES: Final = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_SIZE_BY_LOWER: Final = {name.lower(): scale for name, scale in _SIZES.items()}
_DURATIONS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


def parse_size(text: str) -> int:
    """Read ``"22.5 GiB"`` as bytes. Raises ValueError, naming the units it knows."""
    match = _SIZE.fullmatch(text.strip())
    scale = _SIZE_BY_LOWER.get(match[2].lower()) if match else None
    if match is None or scale is None:
        raise ValueError(f"not a size: {text!r}; write e.g. 20GiB ({', '.join(_SIZES)})")
    amount = float(match[1]) * scale
    if math.isinf(amount):
        raise ValueError("not a size: it has hundreds of digits")
    return round(amount)


def parse_duration(text: str) -> float:
    """Read ``"90"``, ``"90s"``, ``"1h30m"`` as seconds. Raises ValueError, naming the units."""
    stripped = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", stripped):
        return _finite(float(stripped))
    parts = _DURATION.findall(stripped)
    if not parts or "".join(number + unit for number, unit in parts) != re.sub(r"\s", "", stripped):
        raise ValueError(f"not a duration: {text!r}; write e.g. 90s, 10m or 1h30m")
    return _finite(sum(float(number) * _DURATIONS[unit] for number, unit in parts))


def _finite(seconds: float) -> float:
    if math.isinf(seconds):
        raise ValueError("not a duration: it has hundreds of digits")
    return seconds


def show_size(amount: float) -> str:
    """``22.5 GiB``: three digits at the most, binary units, as GPUs are sold."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if amount >= _SIZES[unit]:
            value = amount / _SIZES[unit]
            return f"{value:.1f} {unit}" if value < 1000 else f"{value:.0f} {unit}"
    return f"{amount:.0f} B"


def show_count(number: float) -> str:
    """``131 072``: whole, in groups of three."""
    return f"{number:,.0f}".replace(",", " ")


def show_duration(seconds: float) -> str:
    """``0.4 s``, ``31 s``, ``4 min 12 s``, ``3 h 5 min``: for sentences, not for clocks."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    minutes = whole % 3600 // 60
    return f"{whole // 3600} h {minutes} min" if minutes else f"{whole // 3600} h"


def show_clock(seconds: float) -> str:
    """``00:00:31``: elapsed time, hours first."""
    whole = max(0, int(seconds))
    return f"{whole // 3600:02}:{whole % 3600 // 60:02}:{whole % 60:02}"
