"""A run's events.jsonl: what has changed, in order, for whoever asks afterwards.

Not vLLM's own lines, which vllm.log has, and no figures: they would be most of it.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mixvllm.core.board import Board
from mixvllm.core.events import Event, GaugesRead, LineLogged, MachineSampled
from mixvllm.panes.json_lines import FORMAT_VERSION, event_json
from mixvllm.panes.screen import Screen

_PATIENCE: Final = 2.0  # seconds for the last events
_RETRY: Final = 10.0  # seconds until a disk that was full is tried again


class Journal:
    """A sink. ``note`` is told in words when the file cannot be written."""

    def __init__(self, path: Path, note: Callable[[str], None]) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._note = note
        self._screen = Screen(self._fd, gap=_gap)
        self._retry_at: float | None = None
        self._lost = 0

    def tell(self, event: Event, board: Board) -> None:
        """Write the event down, if it belongs here."""
        if isinstance(event, LineLogged | GaugesRead | MachineSampled):
            return
        if not self._screen.write(_line(event_json(event, board))):
            self._lost += 1

    def draw(self, board: Board, now: float) -> None:
        """Nothing to draw; look whether the disk takes what it is given."""
        if self._retry_at is None and self._screen.gone:
            self._retry_at = now + _RETRY
            why = self._screen.why_gone.lower()
            self._note(f"events.jsonl cannot be written: {why}; vLLM goes on")
        elif self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
            self._screen = Screen(self._fd, gap=_gap)
            self._screen.write(_gap(self._lost))
            self._lost = 0

    def close(self, board: Board) -> None:
        """Write what waits."""
        self._screen.close(_PATIENCE)
        os.close(self._fd)


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value, allow_nan=False).encode() + b"\n"


def _gap(missing: int) -> bytes:
    """As in :mod:`mixvllm.panes.json_lines`; behind what may be half a line."""
    return b"\n" + _line(
        {
            "format_version": FORMAT_VERSION,
            "event": "output_skipped",
            "at": None,
            "time": None,
            "run": None,
            "lines": missing,
            "why": "the disk did not take them",
        }
    )
