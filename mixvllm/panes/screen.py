"""Writing to a terminal that perhaps nobody reads.

A write to a terminal blocks when its reader is stopped (^S), gone to sleep (ssh) or slow.
The supervisor must go on, so one daemon thread owns the writing and may block alone.
Text goes through a bounded queue; what finds it full is counted and dropped, and the gap
is told where it is. Of frames only the newest is kept, and the difference to what the
terminal shows is taken when it is written, so a dropped frame costs nothing.

O_NONBLOCK is never set: it belongs to the open file that we share with the shell and,
if they inherit it, with vLLM's own processes.
"""

import errno
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

QUEUE: Final = 1000  # pieces of text that wait at the most
TAKE: Final = b"\x1b[?1049h\x1b[?25l"  # alternate screen, no cursor
GIVE_BACK: Final = b"\x1b[0m\x1b[?25h\x1b[?1049l"


@dataclass(frozen=True, slots=True)
class Frame:
    """A screenful: one encoded line a row. Frames of one ``series`` are drawn over each other."""

    rows: tuple[bytes, ...]
    series: int


class Screen:
    """The one writer of a file descriptor. Every method returns at once, or within its limit.

    ``gap`` words the message for text that was dropped, by how many pieces it was.
    """

    def __init__(self, fd: int, *, gap: Callable[[int], bytes] | None = None) -> None:
        self._fd = fd
        self._gap = gap
        self._lock = threading.Condition()
        self._queue: deque[bytes] = deque()
        self._missing = 0  # dropped since the queue was last taken
        self._frame: Frame | None = None
        self._busy = False
        self._closing = False
        self._thread: threading.Thread | None = None
        self.dropped = 0
        self.gone = False
        self.why_gone = ""

    def write(self, data: bytes) -> bool:
        """Queue a piece of text or escapes. False: it was dropped."""
        with self._lock:
            if self.gone or self._closing:
                return False
            if len(self._queue) >= QUEUE:
                self._missing += 1
                self.dropped += 1
                return False
            self._queue.append(data)
            self._wake()
            return True

    def show(self, frame: Frame) -> None:
        """Draw this frame once all queued text is out; it replaces one that still waits."""
        with self._lock:
            if not self.gone and not self._closing:
                self._frame = frame
                self._wake()

    def forget_frame(self) -> None:
        """Drop the frame that waits."""
        with self._lock:
            self._frame = None

    def flush(self, timeout: float) -> bool:
        """Wait until all is written, at most ``timeout`` seconds. False: it is not."""
        with self._lock:
            return self._lock.wait_for(self._idle, timeout)

    def close(self, timeout: float) -> bool:
        """Write what waits, for at most ``timeout`` seconds, then take nothing more."""
        with self._lock:
            self._closing = True
            self._lock.notify_all()
            return self._lock.wait_for(self._idle, timeout)

    def _idle(self) -> bool:
        return self.gone or not (self._busy or self._queue or self._frame)

    def _wake(self) -> None:
        """With the lock held: let the writer look; it is started at the first need."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="screen", daemon=True)
            self._thread.start()
        self._lock.notify_all()

    def _told_gap(self) -> bytes:
        """With the lock held: the message for what found the queue full that is now taken."""
        missing, self._missing = self._missing, 0
        return self._gap(missing) if missing and self._gap is not None else b""

    def _run(self) -> None:
        shown: Frame | None = None
        while True:
            with self._lock:
                self._busy = False
                self._lock.notify_all()
                self._lock.wait_for(lambda: self._queue or self._frame or self._closing)
                if self._queue:
                    data = b"".join(self._queue) + self._told_gap()
                    self._queue.clear()
                elif self._frame is not None:
                    frame, self._frame = self._frame, None
                    data = difference(shown, frame)
                    shown = frame
                else:
                    return  # closing, and all is out
                self._busy = True
            try:
                _write_all(self._fd, data)
            except OSError as error:  # EIO: hung up; EPIPE: the reader left; ENOSPC: a full disk
                with self._lock:
                    self.gone = True
                    self.why_gone = os.strerror(error.errno or errno.EIO)
                    self._queue.clear()
                    self._frame = None
                    self._lock.notify_all()
                return


def difference(shown: Frame | None, frame: Frame) -> bytes:
    """The escapes that turn ``shown`` into ``frame``: the rows that differ, as one update.

    Synchronized output (mode 2026) lets terminals that know it show all at once; the
    others ignore it. Without autowrap (mode 7) a character that is wider than we think
    cannot push a line down.
    """
    whole = shown is None or shown.series != frame.series or len(shown.rows) != len(frame.rows)
    old: tuple[bytes, ...] = () if whole or shown is None else shown.rows
    parts = [
        b"\x1b[%d;1H%b" % (number + 1, row)
        for number, row in enumerate(frame.rows)
        if whole or row != old[number]
    ]
    if not parts:
        return b""
    clear = b"\x1b[2J" if whole else b""
    return b"\x1b[?2026h\x1b[?7l%b%b\x1b[?7h\x1b[?2026l" % (clear, b"".join(parts))


def _write_all(fd: int, data: bytes) -> None:
    """Write all of it, blocking. Another program may have set O_NONBLOCK: then wait for room."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(fd, rest) :]
        except BlockingIOError:
            select.select([], [fd], [])
