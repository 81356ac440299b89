"""A log file that is rotated by size and outlives a full disk.

Nothing here raises: an engine must not stop because its log cannot be written. What is
lost is counted, the trouble is kept as an errno, and once a second the next write tries
again. When it succeeds, a line in the file says how much is missing there.
"""

# A keeper loads this, and does without pathlib: 5 ms.
# ruff: noqa: PTH103, PTH105, PTH108, PTH116, PTH120

import contextlib
import os
import stat
from typing import Final

_RETRY: Final = 1.0  # seconds
_LOOK: Final = 1.0  # seconds between two looks whether the file is still where it was
_MODE: Final = 0o640  # prompts may be in it


def gap(lost: int, why: str) -> bytes:
    """The line that stands for bytes that are missing."""
    return f"[mixvllm: {lost} bytes are missing here: {why}]\n".encode()


def _fitting(data: memoryview, room: int) -> int:
    """How many bytes of ``data`` fit, cut behind a line end; 0 when not even one line does."""
    return len(data) if len(data) <= room else bytes(data[: max(room, 0)]).rfind(b"\n") + 1


class LogFile:
    """``path``, and the older ``path.1`` to ``path.N``. The first write opens it, to append.

    ``max_bytes`` 0 means no rotation, and what is no regular file (a fifo, a device) is never
    rotated. A file that somebody moved away or emptied is noticed within a second.
    """

    def __init__(self, path: str, *, max_bytes: int, keep: int) -> None:
        self.lost = 0  # bytes since the present trouble began
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._fd = -1
        self._size = 0
        self._limit = max_bytes
        self._in_line = False
        self._rotates = max_bytes > 0
        self._looked_at = 0.0
        self._retry_at = 0.0
        self._cannot_write: int | None = None
        self._cannot_rotate: int | None = None

    @property
    def trouble(self) -> int | None:
        """The errno of what does not work now: writing, or else rotating (nothing is lost)."""
        return self._cannot_write or self._cannot_rotate

    def write(self, data: bytes, now: float) -> None:
        """Append ``data``. ``now`` is a monotonic time in seconds."""
        if self._cannot_write and now < self._retry_at:
            self.lost += len(data)
            return
        rest = memoryview(self._note() + data)
        try:
            self._be_open(now)
            while rest:
                rest = rest[self._append(rest[: self._room(rest, now)]) :]
        except OSError as why:
            told = len(rest) <= len(data)  # the note about earlier losses made it
            self.lost = (0 if told else self.lost) + min(len(rest), len(data))
            self._cannot_write = why.errno
            self._retry_at = now + _RETRY
            self.close()
        else:
            self._cannot_write, self.lost = None, 0

    def close(self) -> None:
        """Close it; the next write opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _note(self) -> bytes:
        if self._cannot_write is None:
            return b""
        note = gap(self.lost, os.strerror(self._cannot_write).lower())
        return b"\n" + note if self._in_line else note

    def _append(self, data: memoryview) -> int:
        written = os.write(self._fd, data)
        self._size += written
        if written:
            self._in_line = data[written - 1] != ord("\n")
        return written

    def _be_open(self, now: float) -> None:
        if self._fd >= 0 and now - self._looked_at >= _LOOK:
            self._looked_at = now
            if self._is_elsewhere():
                self.close()
        if self._fd < 0:
            os.makedirs(os.path.dirname(self._path) or ".", exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOCTTY
            self._fd = os.open(self._path, flags, _MODE)
            state = os.fstat(self._fd)
            self._size = state.st_size
            self._limit = self._max_bytes
            self._rotates = self._max_bytes > 0 and stat.S_ISREG(state.st_mode)
            self._looked_at = now

    def _is_elsewhere(self) -> bool:
        """True when the path names another file by now, or none. Learns the size anew."""
        here = os.fstat(self._fd)
        self._size = here.st_size
        try:
            there = os.stat(self._path)
        except OSError:
            return True
        return (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino)

    def _room(self, data: memoryview, now: float) -> int:
        """How many bytes to write now; rotates first when the file is full.

        A file ends with a whole line, unless one line is longer than a file may be.
        """
        if not self._rotates:
            return len(data)
        fit = _fitting(data, self._limit - self._size)
        if not fit and (self._size >= self._limit or (self._size and not self._in_line)):
            self._rotate(now)
            fit = _fitting(data, self._limit - self._size)
        return fit or self._limit - self._size

    def _rotate(self, now: float) -> None:
        """Make room. Where renaming is forbidden the file grows on: better large than lost."""
        names = [self._path, *(f"{self._path}.{number}" for number in range(1, self._keep + 1))]
        try:
            for older, newer in reversed(list(zip(names[1:], names, strict=False))):
                with contextlib.suppress(FileNotFoundError):
                    os.replace(newer, older)
            if self._keep <= 0:
                os.unlink(self._path)
        except OSError as why:
            self._cannot_rotate = why.errno
            self._limit = self._size + self._max_bytes
        else:
            self._cannot_rotate = None
            self.close()
            self._be_open(now)
