"""vLLM's output, from its pipe into the log file and the outbox."""

import os
from typing import Final

from mixvllm.engine import wire
from mixvllm.engine.logwriter import LogWriter
from mixvllm.engine.outbox import Outbox

PIPE_BYTES: Final = 1024 * 1024  # the most that an unprivileged user may ask for, pipe(7)
_GATHER: Final = 0.05  # seconds: we read 20 times a second at the most, not line by line
_DISK: Final = 0.005  # seconds between two looks at a disk that is behind
_AT_ONCE: Final = 16  # reads before somebody else gets a turn


class Drain:
    """The reading end of the pipe; non-blocking. Times are monotonic seconds."""

    def __init__(self, fd: int, log: LogWriter, outbox: Outbox) -> None:
        self.fd = fd
        self._log = log
        self._outbox = outbox
        self._open = True
        self._again = 0.0

    def ready_in(self, now: float) -> float | None:
        """Seconds until it makes sense to wait for output: 0 is now, None is never."""
        if not self._open:
            return None
        if self._log.full(now):
            return _DISK
        return max(0.0, self._again - now)

    def read(self, now: float) -> None:
        """Take what is there, within reason."""
        for _ in range(_AT_ONCE):
            if self._log.full(now) or not self._take(now):
                return

    def rest(self, now: float) -> None:
        """Take what is in the pipe, even if the disk is behind; others may write on meanwhile."""
        for _ in range(2 * PIPE_BYTES // wire.CHUNK):
            if not self._open or not self._take(now):
                return

    def _take(self, now: float) -> bool:
        """Move one piece. False when there was less than a whole one."""
        try:
            data = os.read(self.fd, wire.CHUNK)
        except BlockingIOError:
            self._again = now + _GATHER
            return False
        if not data:
            self._open = False
            return False
        self._log.offer(data, now)
        self._outbox.output(data)
        if len(data) < wire.CHUNK:
            self._again = now + _GATHER
        return len(data) == wire.CHUNK
