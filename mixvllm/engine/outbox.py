"""What a keeper has to tell its supervisor, who may be slow, stopped, or dead.

Words are kept until they are sent. Of the engine's output only the newest is kept, and what
had to go is counted: a supervisor that wakes up sees how it ended, not how it began.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from mixvllm.engine import wire

_BACKLOG: Final = 512 * 1024  # bytes of output


class Outbox:
    """A queue before a socket. ``send`` tries one datagram: False when the socket is full."""

    def __init__(self, send: Callable[[bytes], bool]) -> None:
        self._send = send
        self._queue: deque[bytes] = deque()
        self._backlog = 0
        self._dropped_bytes = 0
        self._dropped_lines = 0

    def __bool__(self) -> bool:
        """True while something waits."""
        return bool(self._queue) or self._dropped_bytes > 0

    def tell(self, message: bytes) -> None:
        """Queue a word that must arrive."""
        self._queue.append(message)

    def output(self, data: bytes) -> None:
        """Queue bytes of the log, at most `wire.CHUNK`, and forget the oldest if they are many."""
        self._queue.append(wire.OUTPUT + data)
        self._backlog += len(data)
        if self._backlog > _BACKLOG:
            self._forget()

    def flush(self) -> None:
        """Send what the socket takes. Raises OSError when nobody listens any more."""
        while self:
            if self._dropped_bytes:
                count = wire.message(
                    wire.DROPPED, bytes=self._dropped_bytes, lines=self._dropped_lines
                )
                if not self._send(count):
                    return
                self._dropped_bytes = self._dropped_lines = 0
            elif self._send(self._queue[0]):
                sent = self._queue.popleft()
                if sent.startswith(wire.OUTPUT):
                    self._backlog -= len(sent) - 1
            else:
                return

    def _forget(self) -> None:
        oldest = next(item for item in self._queue if item.startswith(wire.OUTPUT))
        self._queue.remove(oldest)
        self._backlog -= len(oldest) - 1
        self._dropped_bytes += len(oldest) - 1
        self._dropped_lines += oldest.count(b"\n")
