"""The collector as a process: it is started, asked, listened to, and left.

Whoever wants to know soon starts it first, and imports the rest while it talks to the driver:
so nothing here needs more than the standard library's lightest modules.
"""

# ruff: noqa: PTH100

import json
import os
import select
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple, Self

from mixvllm.gpu.holder import PROC
from mixvllm.gpu.kernel import KMSG
from mixvllm.gpu.patience import PATIENCE, Patience

_SELF: Final = os.path.abspath(f"{__file__}/../../..")  # where our package is
_BOOT: Final = (
    "import json, sys; options = json.loads(sys.argv[1]); sys.path[:] = options['path'];"
    "from mixvllm.gpu.collector import main; main(options)"
)

_left: list[int] = []  # collectors that were told to end


class Scope(NamedTuple):
    """What is asked. ``proc``, ``sys`` and ``kmsg`` are where the kernel tells things."""

    links: bool = False
    processes: bool = True
    proc: str = PROC
    sys: str = "/sys"
    kmsg: str = KMSG


DEFAULT: Final = Scope()


class CollectorEnded(Exception):
    """The process is gone, and nobody asked it to go."""


class Collector:
    """The other process, from its start to its end. Raises OSError where none can be started."""

    def __init__(self, scope: Scope = DEFAULT, patience: Patience = PATIENCE) -> None:
        _bury()
        self._scope = scope
        self._patience = patience
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        options = {
            "links": scope.links,
            "processes": scope.processes,
            "proc": scope.proc,
            "kmsg": scope.kmsg,
            "patience": patience,
            "path": [_SELF, *(place for place in sys.path if place)],
        }
        try:
            self._pid = os.posix_spawn(
                sys.executable,
                # Nothing of the environment but the driver's is for it, and no site: it is
                # slow, and our own path says where everything is.
                [sys.executable, "-I", "-S", "-c", _BOOT, json.dumps(options)],
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, theirs_in, 0),
                    (os.POSIX_SPAWN_DUP2, theirs_out, 1),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ],
                setpgroup=0,  # Ctrl-C is for us; it ends when we do
                setsigmask=[],
            )
        except OSError:
            os.close(self._to)
            os.close(self._from)
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        self._rest = b""

    def ask(self) -> Self:
        """Begin a look."""
        with suppress(BrokenPipeError):
            os.write(self._to, b"\n")
        return self

    def answer(
        self, seconds: float, waking: Callable[[], None] | None = None
    ) -> dict[str, Any] | None:
        """What it says to one :meth:`ask`; None when it is late itself. Raises CollectorEnded.

        ``waking`` is called once if no card has answered for a while.
        """
        deadline = time.monotonic() + seconds
        while True:
            line = self._line(deadline)
            if line is None:
                return None
            message: dict[str, Any] = json.loads(line)
            if "waking" not in message:
                return message
            if waking is not None:
                waking()

    def _line(self, deadline: float) -> bytes | None:
        poll = select.poll()
        poll.register(self._from, select.POLLIN)
        while b"\n" not in self._rest:
            if not poll.poll(max(0.0, 1000 * (deadline - time.monotonic()))):
                return None
            piece = os.read(self._from, 1 << 16)
            if not piece:
                raise CollectorEnded("the process that asks it ended without an answer")
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def close(self) -> None:
        """It ends with its input, which is now; nobody waits for that."""
        os.close(self._to)
        os.close(self._from)
        _left.append(self._pid)
        _bury()


def _bury() -> None:
    """Leave no zombie of those that have ended by now."""
    for pid in list(_left):
        try:
            ended = os.waitpid(pid, os.WNOHANG)[0] != 0
        except ChildProcessError:
            ended = True
        if ended:
            _left.remove(pid)
