"""One engine as its supervisor sees it: commands in, messages out.

A thin client of the keeper (:mod:`mixvllm.engine.keeper`). It knows one thing more: what to
do when the keeper itself is killed. We are a subreaper, too, so the engine's processes are
ours then; those of its session and those that wear the keeper's mark are ended from here.

Nothing here uses asyncio's child watchers or waits for "any child": other children of this
process, and whoever waits for them, are not disturbed.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess  # noqa: TID251 - this is where the engine's processes are started
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import mixvllm
from mixvllm.engine import family, linux, mark, wire
from mixvllm.engine.messages import Exited, Gone, KeeperLost, Message, Started, parse
from mixvllm.engine.spec import EngineSpec

_AT_ONCE: Final = 16  # messages before the loop's other work gets a turn
_WAITING: Final = 64  # messages that nobody has taken; from there on the keeper drops output
_TICK: Final = 0.01  # seconds between two looks at a keeper that is about to end
_LOOK: Final = 0.05  # seconds between two looks at a family that is being ended
_GRACE: Final = 3.0  # seconds at the most for a family without a keeper
_SLOW: Final = 5.0  # seconds that a keeper may take beyond that


class EngineProcess:
    """An engine that was started; made by :meth:`spawn`.

    Read :meth:`messages` to its end, which is `Gone`: then no process is left, not even a
    zombie. Or leave by ``async with``, which ends what still runs. If this process dies in
    between, of whatever cause, the keeper ends the engine within seconds.
    """

    def __init__(
        self,
        keeper: "subprocess.Popen[bytes]",
        channel: socket.socket,
        complaints: int,
        grace: float,
    ) -> None:
        self._keeper = keeper
        self._channel = channel
        self._grace = min(_GRACE, grace)
        self._complaints = complaints  # what the keeper writes to stderr
        self._identity = family.identify(keeper.pid)
        self._loop = asyncio.get_running_loop()
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue()  # None: the keeper hung up
        self._outgoing: deque[bytes] = deque()
        self._paused = False
        self._closed = False
        self._root: family.Member | None = None
        self._loop.add_reader(channel, self._receive)

    @classmethod
    async def spawn(cls, spec: EngineSpec) -> Self:
        """Start a keeper and tell it what to start; the rest comes as messages.

        Raises OSError when not even the keeper can be started.
        """
        linux.become_subreaper()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                keeper, complaints = _start_keeper(theirs, spec)
            except OSError:
                ours.close()
                raise
        ours.setblocking(False)
        engine = cls(keeper, ours, complaints, spec.grace_seconds)
        for message in wire.spec_messages(_from_anywhere(spec).encode()):
            engine._send(message)
        return engine

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def keeper_pid(self) -> int:
        """The keeper's pid; all processes of the engine are its descendants."""
        return self._keeper.pid

    def signal_root(self, sig: signal.Signals) -> None:
        """Signal vLLM's first process, if it still runs; nobody else gets it."""
        self._send(wire.SIGNAL + b"%d" % sig)

    def sweep(self, grace: float) -> None:
        """End the whole family: SIGTERM to all, and SIGKILL after ``grace`` seconds.

        Said again, it can only shorten the grace. A keeper that was stopped is woken.
        """
        self._send(wire.SWEEP + str(grace).encode())
        family.send(signal.SIGCONT, self._identity)

    async def messages(self) -> AsyncIterator[Message]:
        """What happens, to the end. For one reader; when it is slow, output is dropped."""
        while (message := await self._next()) is not None:
            if isinstance(message, Gone):
                await self._keeper_end(_SLOW)
                self._forget()
            yield message
            if isinstance(message, Gone):
                return
        if not self._closed:
            yield KeeperLost(await self._keeper_end(_SLOW), self._last_words())
            async for message in self._end_orphans():
                if isinstance(message, Gone):
                    self._forget()
                yield message

    async def close(self) -> None:
        """End what still runs, and wait for it; :meth:`messages` ends then, without `Gone`.

        It takes 4 s at the most, 12 s with a keeper that hangs, and longer for what cannot be
        killed.
        """
        if self._complaints < 0:
            return
        self._closed = True
        self._hang_up()
        self._inbox.put_nowait(None)
        self._channel.close()  # the keeper ends its family now
        family.send(signal.SIGCONT, self._identity)
        if await self._keeper_end(self._grace + _SLOW) != 0:
            async for _ in self._end_orphans():
                pass
        self._forget()

    # the channel

    def _send(self, message: bytes) -> None:
        self._outgoing.append(message)
        self._transmit()

    def _transmit(self) -> None:
        """Send what the socket takes; the loop calls again when it takes more."""
        if self._channel.fileno() < 0:
            return
        try:
            while self._outgoing:
                self._channel.send(self._outgoing[0])
                self._outgoing.popleft()
        except BlockingIOError:
            self._loop.add_writer(self._channel, self._transmit)
            return
        except ConnectionError:  # the end of what it had to say tells us why
            self._outgoing.clear()
        self._loop.remove_writer(self._channel)

    def _receive(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                datagram = self._channel.recv(wire.LARGEST)
            except BlockingIOError:
                return
            except ConnectionError:  # it left with words of ours unread; its own still wait
                continue
            if not datagram:
                self._hang_up()
                self._inbox.put_nowait(None)
                return
            message = parse(datagram)
            if isinstance(message, Started):
                self._root = family.Member(message.pid, message.start)
            self._inbox.put_nowait(message)
            if self._inbox.qsize() >= _WAITING:
                self._paused = True
                self._loop.remove_reader(self._channel)
                return

    async def _next(self) -> Message | None:
        if self._paused and self._inbox.qsize() < _WAITING // 2:
            self._paused = False
            self._loop.add_reader(self._channel, self._receive)
        return await self._inbox.get()

    def _hang_up(self) -> None:
        """Before the channel is closed: the loop would take its number for the next one's."""
        if self._channel.fileno() < 0:
            return
        self._paused = False
        self._loop.remove_reader(self._channel)
        self._loop.remove_writer(self._channel)

    # the end

    async def _keeper_end(self, patience: float) -> int:
        """Wait for the keeper, kill it when that takes too long; returns its status."""
        deadline = time.monotonic() + patience
        while (status := self._keeper.poll()) is None:
            if time.monotonic() > deadline:
                family.send(signal.SIGKILL, self._identity)
            await asyncio.sleep(_TICK)
        return status

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):  # it said nothing, or close() was faster
            return os.read(self._complaints, 65536).decode(errors="replace").strip()
        return ""

    async def _end_orphans(self) -> AsyncIterator[Message]:
        """Do a dead keeper's work: `Exited` if we could reap the first process, then `Gone`."""
        sweep = family.Sweep(time.monotonic(), self._grace)
        while not sweep.done:
            now = time.monotonic()
            try:
                found = self._orphans()
            except OSError:  # no descriptor left: nobody seen is not nobody there
                await asyncio.sleep(_LOOK)
                continue
            for process in found:
                status = family.reap(process)
                if status is not None and process.member == self._root:
                    yield Exited(status, None)
            sweep.step(now, family.living(found), family.send)
            await asyncio.sleep(max(_LOOK, 5 * (time.monotonic() - now)))
        yield Gone(len(sweep.killed), tuple(member.pid for member in sweep.left))

    def _orphans(self) -> list[family.Process]:
        found = {process.member: process for process in mark.marked(mark.mark_of(self._identity))}
        if self._root is not None:
            found |= {process.member: process for process in family.session_of(self._root)}
        return list(found.values())

    def _forget(self) -> None:
        if self._complaints >= 0:
            self._hang_up()
            self._channel.close()
            os.close(self._complaints)
            self._complaints = -1


def _from_anywhere(spec: EngineSpec) -> EngineSpec:
    """The keeper lives in ``/``, so it needs whole paths."""
    return spec._replace(
        cwd=str(Path(spec.cwd).absolute()), log_path=str(Path(spec.log_path).absolute())
    )


def _start_keeper(
    channel: socket.socket, spec: EngineSpec
) -> tuple["subprocess.Popen[bytes]", int]:
    """The keeper, and a descriptor to read its complaints from."""
    complaints, stderr = os.pipe()
    for fd in (complaints, stderr):  # nobody reads while it lives, so it must not wait for that
        os.set_blocking(fd, False)
    number = channel.fileno()
    try:
        keeper = subprocess.Popen(
            [sys.executable, "-P", "-m", "mixvllm.engine.keeper", "--fd", str(number), spec.name],
            env=_keeper_environment(),
            pass_fds=(number, *spec.holds),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C is for the supervisor
        )
    except OSError:
        os.close(complaints)
        raise
    finally:
        os.close(stderr)
    return keeper, complaints


def _keeper_environment() -> dict[str, str]:
    """Ours, and the way to this package where it is not installed but runs from a checkout."""
    home = Path(mixvllm.__file__).parents[1]
    if home.name in {"site-packages", "dist-packages"}:
        return dict(os.environ)
    before = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{home}{os.pathsep}{before}" if before else str(home)}
