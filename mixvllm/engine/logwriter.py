"""The log file, written behind the back of the loop that drains the engine.

A disk can take minutes for one write (a dead NFS server, a saturated volume). Were the
loop to wait for it, the engine's pipe would fill, and vLLM freezes then, /health included.
So a thread writes. While the disk is merely slower than the engine, `full` slows the loop
down; once the disk has stood still for some seconds, bytes for the file are dropped and
counted, and the engine goes on.
"""

import errno
import signal
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

from mixvllm.engine.logfile import LogFile, gap

_LIMIT: Final = 2 * 1024 * 1024  # bytes that may wait for the disk
_STALL: Final = 2.0  # seconds without any progress until we stop waiting for it


class LogWriter:
    """Takes bytes at any time and never blocks. Times are monotonic seconds.

    ``changed(errno, lost)`` is called from the thread or from :meth:`full` when the file
    gets into trouble, and with None when it is well again: ``lost`` bytes later.
    """

    def __init__(self, file: LogFile, changed: Callable[[int | None, int], None]) -> None:
        self._file = file
        self._changed = changed
        self._queue: SimpleQueue[bytes] = SimpleQueue()
        self._given = 0  # written by the caller's thread alone
        self._taken = 0  # written by our thread alone
        self._seen = 0
        self._moved_at = 0.0
        self._lost = 0
        self.stalled = False  # the disk stands still; :meth:`full` finds out, both ways
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def start(self) -> None:
        """Begin to write. Not in __init__: the engine is forked while we have no thread."""
        self._thread.start()

    def offer(self, data: bytes, now: float) -> None:
        """Write these bytes some time soon, or count them if the disk stands still."""
        if self.stalled:
            self._lost += len(data)
            return
        if self._given == self._taken:
            self._moved_at = now
        self._given += len(data)
        self._queue.put(data)

    def full(self, now: float) -> bool:
        """True while the caller should read no more. Notices that the disk stands still."""
        taken = self._taken
        waiting = self._given - taken
        if taken != self._seen:
            self._seen, self._moved_at = taken, now
        if self.stalled and waiting < _LIMIT // 2:
            self.stalled = False
            self.offer(b"\n" + gap(self._lost, "the disk stood still"), now)
            self._changed(None, self._lost)
            self._lost = 0
        if not self.stalled and waiting >= _LIMIT and now - self._moved_at > _STALL:
            self.stalled = True
            self._changed(errno.ETIMEDOUT, 0)
        return waiting >= _LIMIT and not self.stalled

    def close(self, patience: float) -> int:
        """Write what waits, for so many seconds at the most; returns how many bytes are lost."""
        self._queue.put(b"")
        self._thread.join(patience)
        return self._given - self._taken + self._lost

    def _run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are the loop's
        trouble: int | None = None
        lost = 0
        while data := self._queue.get():
            lost = self._file.lost
            self._file.write(data, time.monotonic())
            self._taken += len(data)
            if self._file.trouble != trouble:
                trouble = self._file.trouble
                self._changed(trouble, lost if trouble is None else self._file.lost)
        self._file.close()
