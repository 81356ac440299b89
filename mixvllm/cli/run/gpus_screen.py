"""The screen of `gpus --watch`: drawn when something is new, given back whatever happens."""

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from mixvllm.cli.run.gpus import Arguments, as_cuda_sees
from mixvllm.cli.run.gpus_looks import Looks, wanted
from mixvllm.cli.text.cells import Line, padded, takes_ascii_only
from mixvllm.cli.text.gpus_history import History
from mixvllm.cli.text.gpus_watch import Look, picture
from mixvllm.cli.text.style import Paint, wants_color
from mixvllm.gpu.inventory import GpuInventory
from mixvllm.panes.keys import parse_keys
from mixvllm.panes.screen import GIVE_BACK, TAKE, Frame, Screen
from mixvllm.panes.sink import Key
from mixvllm.panes.tty import Standing, Tty

_PATIENCE: Final = 1.0  # seconds that leaving waits for a terminal nobody reads
_ENDS: Final = (signal.SIGTERM, signal.SIGHUP)


class GpusScreen:
    """The screen, while it is shown."""

    def __init__(self, arguments: Arguments, looks: Looks) -> None:
        self._arguments = arguments
        self._looks = looks
        self._history = History()
        self._now: GpuInventory | None = None
        keys = sys.stdin.fileno() if sys.stdin.isatty() else None
        self._keys = keys
        self._tty = Tty(sys.stdout.fileno(), keys)
        self._screen = Screen(sys.stdout.fileno())
        self._paint = Paint(on=wants_color(sys.stdout))
        self._ascii_only = takes_ascii_only(sys.stdout)
        self._taken = False
        self._series = 0
        self._size = (0, 0)

    def run(self) -> int:
        """Draw until somebody ends it. Raises KeyboardInterrupt."""
        with _woken_by_signals() as woken:
            try:
                while True:
                    if self._screen.gone or not self._draw():
                        return 0
                    sources = [woken, self._looks.ready]
                    if self._keys is not None and self._taken:
                        sources.append(self._keys)
                    # Without a signal or a look: whether the terminal is ours may have changed.
                    readable = select.select(sources, [], [], 1.0)[0]
                    if woken in readable and self._stopped(os.read(woken, 64)):
                        continue
                    if self._looks.ready in readable:
                        os.read(self._looks.ready, 64)
                        self._take_in()
                    if self._keys in readable and self._is_over():
                        return 0
            finally:
                self._leave()
                self._screen.close(_PATIENCE)

    def _take_in(self) -> None:
        latest = self._looks.latest
        if latest is not None:
            self._now = wanted(latest, self._arguments, self._now)
            self._history.add(self._now, time.monotonic())

    def _is_over(self) -> bool:
        """Whether `q` was typed, or the keyboard has gone."""
        if not self._tty.is_ours():
            self._forget()
            return False
        data = self._tty.read()
        if data is None:
            self._keys = None
            return False
        return Key.STOP in parse_keys(data)

    def _draw(self) -> bool:
        """False: the terminal was hung up."""
        standing = self._tty.standing()
        if standing is not Standing.OURS:
            self._forget()
            return standing is not Standing.GONE
        size = self._tty.size()
        if not self._taken or size != self._size:
            self._series += 1
        if not self._taken:
            self._taken = True
            self._tty.take()
            self._screen.write(TAKE)
        self._size = size
        width, height = size
        look = Look(width, height, self._arguments.seconds, self._ascii_only,
                    self._arguments.processes)  # fmt: skip
        seen = None if self._now is None else as_cuda_sees(self._now)
        lines = picture(self._now, self._history, look, seen)
        self._screen.show(Frame(tuple(self._row(each, width) for each in lines), self._series))
        return True

    def _row(self, spans: Line, width: int) -> bytes:
        return "".join(
            text if tone is None else self._paint(text, tone) for text, tone in padded(spans, width)
        ).encode(sys.stdout.encoding or "ascii", "replace")

    def _forget(self) -> None:
        """Another job has the terminal: it is taken anew when it is ours again."""
        if self._taken:
            self._taken = False
            self._tty.give_back()
            self._screen.forget_frame()

    def _leave(self) -> None:
        """The normal screen and the mode as they were."""
        self._screen.forget_frame()
        if self._taken:
            self._taken = False
            self._screen.write(GIVE_BACK)
            self._tty.give_back()

    def _stopped(self, numbers: bytes) -> bool:
        """Ctrl-Z: leave the terminal in order, then stop as the signal would have done."""
        if signal.SIGTSTP not in numbers:
            return False
        self._leave()
        self._screen.flush(_PATIENCE)
        before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)  # returns when somebody continues us
        signal.signal(signal.SIGTSTP, before)
        return True


@contextmanager
def _woken_by_signals() -> Iterator[int]:
    """A descriptor that can be read after a signal that changes the screen; its number is read.
    Those that end us do so in order: the terminal is given back.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.set_blocking(reading, False)
    before = {number: signal.signal(number, _end) for number in _ENDS}
    for number in (signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP):
        before[number] = signal.signal(number, _note)
    previous = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(previous)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


def _note(number: int, frame: FrameType | None) -> None:
    """The number goes into the pipe; that is all."""


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
