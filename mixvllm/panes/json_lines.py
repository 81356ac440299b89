"""``--format json`` of a run: one JSON object per event, one event a line.

::

    {"format_version": 1, "event": "phase_entered", "at": 1.23,
     "time": "2026-11-22T08:12:14.230+00:00", "run": "llama-8b", "phase": "weights"}

``event`` is the name of a class of :mod:`mixvllm.core.events` in snake case, and after the
first five keys come its fields under their own names: ``engine_spawned`` (pid, attempt,
command), ``phase_entered`` (phase), ``phase_progressed`` (phase, done, total),
``fact_learned`` (name, value), ``line_logged`` (text), ``output_skipped`` (lines, why),
``state_changed`` (state, reason), ``health_seen`` (healthy, detail), ``gauges_read``,
``machine_sampled`` (cards: a list of objects), ``engine_exited`` (status, asked, killed),
``noted`` (text). ``at`` is in seconds of the run; ``time`` is UTC, null when the
beginning of the run is not known. null is "not known" everywhere; fields may be added
within a format_version, none is renamed or removed.

When nobody reads and events had to be dropped, the gap is an ``output_skipped`` whose
``at``, ``time`` and ``run`` are null.
"""

import json
import math
import re
from dataclasses import fields, is_dataclass
from datetime import UTC
from enum import Enum
from typing import Final

from mixvllm.core.board import Board
from mixvllm.core.events import Event
from mixvllm.panes.screen import Screen

FORMAT_VERSION: Final = 1
_PATIENCE: Final = 2.0  # seconds that closing waits for a reader
_WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")


def event_json(event: Event, board: Board) -> dict[str, object]:
    """The object of one event, as described above."""
    wall = board.run.wall(event.at)
    time = wall.astimezone(UTC).isoformat(timespec="milliseconds") if wall is not None else None
    head: dict[str, object] = {
        "format_version": FORMAT_VERSION,
        "event": _WORD.sub("_", type(event).__name__).lower(),
        "at": _value(event.at),
        "time": time,
        "run": board.run.name,
    }
    return head | {
        field.name: _value(getattr(event, field.name))
        for field in fields(event)
        if field.name != "at"
    }


def _value(value: object) -> object:
    """JSON has neither NaN nor infinity; both are "not known"."""
    match value:
        case Enum():
            return value.value
        case float():
            return value if math.isfinite(value) else None
        case tuple() | list():
            return [_value(item) for item in value]
        case _ if is_dataclass(value):
            return {field.name: _value(getattr(value, field.name)) for field in fields(value)}
        case _:
            return value


class JsonLines:
    """The sink for programs. ``out`` is a file descriptor."""

    def __init__(self, out: int) -> None:
        self._screen = Screen(out, gap=_gap)

    def tell(self, event: Event, board: Board) -> None:
        """Write the event."""
        self._screen.write(_line(event_json(event, board)))

    def draw(self, board: Board, now: float) -> None:
        """Nothing: every event is told when it happens."""

    def close(self, board: Board) -> None:
        """Wait a little for the reader."""
        self._screen.close(_PATIENCE)


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value, allow_nan=False).encode() + b"\n"


def _gap(missing: int) -> bytes:
    return _line(
        {
            "format_version": FORMAT_VERSION,
            "event": "output_skipped",
            "at": None,
            "time": None,
            "run": None,
            "lines": missing,
            "why": "nobody read them",
        }
    )
