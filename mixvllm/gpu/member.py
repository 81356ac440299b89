"""A process that talks to the driver, as the collector sees it."""

import json
import os
import resource
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from mixvllm.gpu.asker import Asker

_PIECE: Final = 1 << 16

# Our ends of the pipes to all askers. One that is forked closes its copies: an asker ends when
# nobody can write to it any more.
_ours: Final[set[int]] = set()


class Member:
    """An asker: its process, and the pipes from and to it. It begins with a fork."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.told, answers = os.pipe()
        commands, self._commands = os.pipe()
        self.since = time.monotonic()
        self.opened = False
        self.asked_at = self.since
        self.is_awaited = False  # it has yet to begin the look that it was asked for
        self.refused: list[str] | None = None  # a code, and what is behind it
        self.ended = False
        self._rest = b""
        _ours.update((self.told, self._commands))
        self._pid = os.fork()
        if self._pid == 0:
            _be_an_asker(commands, answers, options)
        os.close(commands)
        os.close(answers)
        os.set_blocking(self.told, False)

    def ask(self, skipped: Iterable[int]) -> None:
        """A look at all cards but these."""
        with suppress(OSError):  # it has ended; why, it may have said: hear() finds out
            os.write(self._commands, json.dumps(sorted(skipped)).encode() + b"\n")
        self.asked_at = time.monotonic()
        self.is_awaited = True

    def hear(self) -> list[dict[str, Any]]:
        """The lines that came since."""
        pieces = [self._rest]
        while True:
            try:
                piece = os.read(self.told, _PIECE)
            except BlockingIOError:
                break
            if not piece:
                self.ended, self.is_awaited = True, False
                break
            pieces.append(piece)
        *lines, self._rest = b"".join(pieces).split(b"\n")
        return [json.loads(line) for line in lines]

    def leave(self) -> None:
        """Let it end. Nobody waits: a process in the kernel's hands may not be able to."""
        for fd in (self.told, self._commands):
            os.close(fd)
            _ours.remove(fd)

    def is_buried(self) -> bool:
        """Whether it has ended and left no zombie."""
        try:
            return os.waitpid(self._pid, os.WNOHANG)[0] != 0
        except ChildProcessError:
            return True


def _be_an_asker(commands: int, answers: int, options: dict[str, Any]) -> None:
    """In the child: never returns."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a library that crashes dies at once
        os.dup2(commands, 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the library prints is no answer
        for fd in (commands, *_ours):
            os.close(fd)
        asker = Asker(
            answers,
            options["proc"],
            with_links=options["links"],
            with_processes=options["processes"],
        )
        asker.run()
    finally:
        os._exit(0)  # threads that hang in the driver are left to the kernel
