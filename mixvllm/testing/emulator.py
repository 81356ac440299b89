"""A pseudo-terminal with a terminal emulator (pyte) on its far side, read only when asked."""

import asyncio
import contextlib
import fcntl
import os
import select
import struct
import termios
import time
from collections.abc import Callable
from typing import Self

import pyte

LIMIT = 20.0  # seconds that a wait may take before the test has failed


class Emulator:
    """``far`` is the emulator's end; ``near`` is the terminal that a program writes to.

    For a program that brings its own terminal (pexpect), pass its master as ``far``.
    """

    def __init__(self, columns: int = 80, rows: int = 24, *, far: int | None = None) -> None:
        self.near: int | None = None
        if far is None:
            far, self.near = os.openpty()
            _set_size(far, columns, rows)
        self.far = far
        self.raw = bytearray()
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        if self.near is not None:
            os.close(self.near)
            self.near = None

    @property
    def terminal(self) -> int:
        """The near end, for the program under test."""
        assert self.near is not None
        return self.near

    @property
    def text(self) -> str:
        """What the screen shows, without trailing blanks."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    @property
    def cursor_hidden(self) -> bool:
        """The cursor is switched off."""
        return bool(self._screen.cursor.hidden)

    def feed(self) -> None:
        """Read what there is, perhaps nothing; never waits."""
        while self.far >= 0 and select.select([self.far], [], [], 0)[0]:
            try:
                data = os.read(self.far, 65536)
            except OSError:  # EIO: the near end is closed
                return
            if not data:
                return
            self.raw += data
            self._stream.feed(data)

    def until(self, met: Callable[[], bool], limit: float = LIMIT) -> None:
        """Read until the condition holds. Raises AssertionError after ``limit`` seconds."""
        end = time.monotonic() + limit
        while True:
            self.feed()
            if met():
                return
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError(f"not within {limit} s; the screen shows:\n{self.text}")
            # Not all that may be waited for is output: a writer's own thread may lag behind.
            select.select([self.far], [], [], min(left, 0.05))

    async def shows(self, met: Callable[[], bool], limit: float = LIMIT) -> None:
        """As :meth:`until`, while the event loop goes on."""
        loop = asyncio.get_running_loop()
        news = asyncio.Event()

        def read() -> None:
            self.feed()
            news.set()

        loop.add_reader(self.far, read)
        try:
            async with asyncio.timeout(limit):
                while not met():
                    news.clear()
                    await news.wait()
        except TimeoutError:
            raise AssertionError(f"not within {limit} s; the screen shows:\n{self.text}") from None
        finally:
            loop.remove_reader(self.far)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.far, keys)

    def resize(self, columns: int, rows: int) -> None:
        """Make the window another size, as a window manager does."""
        _set_size(self.far, columns, rows)
        self._screen.resize(rows, columns)

    def hang_up(self) -> None:
        """Close the window."""
        if self.far >= 0:
            with contextlib.suppress(OSError):
                os.close(self.far)
            self.far = -1


def _set_size(fd: int, columns: int, rows: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
