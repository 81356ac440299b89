"""Small programs that play the engine, and patience with a limit."""

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from mixvllm.engine import family, mark, wire
from mixvllm.engine.messages import Gone, Message, Output, Started, parse
from mixvllm.engine.spec import EngineSpec

T = TypeVar("T")
LIMIT: Final = 20.0  # seconds: far beyond what any wait should take, on any machine
HOME: Final = str(Path(__file__).parents[2])

_PRELUDE: Final = """
import os, signal, sys, time

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

def wait():
    while True:
        signal.pause()

def child(play, session=False, orphan=False):
    "A process that plays; in a session of its own; without the parent that it had."
    if os.fork() == 0:
        if session:
            os.setsid()
        if orphan and os.fork():
            os._exit(0)
        play()
        say("up", os.getpid())
        wait()
    if orphan:
        os.wait()

def polite():
    pass
"""

SCATTERED: Final = """
{deaf}
child({play})
child({play}, session=True)
child({play}, session=True, orphan=True)
child(lambda: child({play}, session=True, orphan=True))
say("up", os.getpid())
wait()
"""
SCATTERED_COUNT: Final = 6


def scattered(*, deaf: bool) -> str:
    """A family over four sessions, with orphans; ``deaf`` ones ignore SIGTERM."""
    return SCATTERED.format(deaf="deaf()" if deaf else "", play="deaf" if deaf else "polite")


def program(text: str) -> tuple[str, ...]:
    """A command that runs this Python text, started fast."""
    return (sys.executable, "-I", "-S", "-c", _PRELUDE + text)


def spec(folder: Path, *argv: str, **changes: object) -> EngineSpec:
    """An engine with its log in ``folder`` and little patience."""
    usual = EngineSpec(
        name="play",
        argv=argv,
        env={"PATH": os.environ["PATH"]},
        cwd=str(folder),
        log_path=str(folder / "vllm.log"),
        grace_seconds=0.3,
    )
    return EngineSpec(**{**usual._asdict(), **changes})


def eventually(look: Callable[[], T], what: str = "") -> T:
    """Wait until ``look`` returns something true, and return that."""
    deadline = time.monotonic() + LIMIT
    while not (seen := look()):
        assert time.monotonic() < deadline, f"waited {LIMIT:.0f} s for {what or look}"
        time.sleep(0.005)
    return seen


def wearers(keeper: family.Member) -> list[family.Process]:
    """Whoever lives of a keeper's family, however it is hidden."""
    return [process for process in mark.marked(mark.mark_of(keeper)) if process.alive]


class Line:
    """A supervisor that can do what a good one would not: not listen, hang up, lie."""

    def __init__(self, engine: EngineSpec | None, *, extra_fds: tuple[int, ...] = ()) -> None:
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fd = theirs.fileno()
        self.keeper = subprocess.Popen(
            [sys.executable, "-P", "-m", "mixvllm.engine.keeper", "--fd", str(fd), "play"],
            env={**os.environ, "PYTHONPATH": HOME},
            pass_fds=(fd, *extra_fds),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        theirs.close()
        self.member = family.identify(self.keeper.pid)
        self.log = b""  # all output that was heard
        self.root = -1
        if engine is not None:
            for message in wire.spec_messages(engine.encode()):
                self.channel.send(message)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.hang_up()
        try:
            self.keeper.wait(LIMIT)
        finally:
            self.keeper.kill()
            self.keeper.wait()
            assert self.keeper.stderr is not None
            assert self.keeper.stdin is not None
            self.keeper.stderr.close()
            self.keeper.stdin.close()
            for process in wearers(self.member):
                os.kill(process.member.pid, 9)

    def hang_up(self) -> None:
        """Be gone, as after kill -9."""
        self.channel.close()

    def hear(self) -> Message | None:
        """The next message; None when the keeper has hung up."""
        poll = select.poll()
        poll.register(self.channel, select.POLLIN)
        assert poll.poll(LIMIT * 1000), f"heard nothing for {LIMIT:.0f} s"
        try:
            datagram = self.channel.recv(wire.LARGEST)
        except ConnectionResetError:  # it left with words of ours unread; its own still wait
            return self.hear()
        message = parse(datagram) if datagram else None
        if isinstance(message, Output):
            self.log += message.data
        if isinstance(message, Started):
            self.root = message.pid
        return message

    def until(self, kind: type[T]) -> T:
        """The next message of a kind; the others are heard and forgotten."""
        while (message := self.hear()) is not None:
            if isinstance(message, kind):
                return message
        raise AssertionError(f"the keeper left without {kind.__name__}")

    def until_log(self, *words: bytes) -> None:
        """Listen until the engine has written all these."""
        while not all(word in self.log for word in words):
            assert self.hear() is not None, f"the keeper left before {words!r}: {self.log!r}"

    def until_up(self, count: int) -> set[int]:
        """Listen until so many processes have said that they are up; their pids."""
        while self.log.count(b"up ") < count or not self.log.endswith(b"\n"):
            assert self.hear() is not None, f"the keeper left early: {self.log!r}"
        return {int(line.split()[1]) for line in self.log.splitlines() if line.startswith(b"up ")}

    def rest(self) -> Iterator[Message]:
        """All that is left to hear."""
        while (message := self.hear()) is not None:
            yield message

    def end(self) -> Gone:
        """Listen to the end; it must be a proper one."""
        *_, last = self.rest()
        assert isinstance(last, Gone)
        assert self.keeper.wait(LIMIT) == 0
        return last

    def everybody_gone(self) -> None:
        """Wait until the keeper and its family are no more, zombies neither."""
        self.keeper.wait(LIMIT)
        assert mark.marked(mark.mark_of(self.member)) == []
