"""The keeper: a tiny init for one engine.

    supervisor (`mixvllm serve`)  ->  keeper  ->  vLLM's API server  ->  EngineCore  ->  workers

vLLM leaves processes behind: kill its API server, and EngineCore holds the GPU for ever.
So a process whose only work this is stands between. It is a subreaper, so every descendant
of vLLM, in whatever session and whoever dies, is in the end its child: when it has no child,
nobody is left, and that is the only proof it accepts. It ends the family when vLLM's first
process has ended, when the supervisor says so, and when the supervisor is gone.

It also drains vLLM's output for ever, into the log file and to the supervisor, and waits for
neither (:mod:`mixvllm.engine.logwriter`, :mod:`mixvllm.engine.outbox`): vLLM freezes when
its pipe is full.

One loop, one thread (the log file has another). Light imports only: about 25 ms of CPU and
12 MB. ``python -P -m mixvllm.engine.keeper --fd N NAME``; N is the socket, NAME is for ps.
"""

import contextlib
import errno
import os
import select
import signal
import socket
import sys
import time
from collections import deque
from typing import Final, NoReturn

from mixvllm.engine import child, family, linux, mark, wire
from mixvllm.engine.drain import PIPE_BYTES, Drain
from mixvllm.engine.logfile import LogFile
from mixvllm.engine.logwriter import LogWriter
from mixvllm.engine.outbox import Outbox
from mixvllm.engine.spec import EngineSpec, decode

_LONELY: Final = 3.0  # seconds at the most for the family when the supervisor is gone
_LOOK: Final = 0.05  # seconds between two looks while a family is being ended
_DISK: Final = 0.2  # seconds between two looks at a disk that stands still
_LAST_WRITE: Final = 2.0  # seconds for the log file when all is over
_SOCKET_FULL: Final = (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM)
_TO_STOP: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_TO_IGNORE: Final = (
    signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF
)  # fmt: skip


class Keeper:
    """One engine, from its fork to the last of its descendants."""

    def __init__(self, control: socket.socket, spec: EngineSpec) -> None:
        self._spec = spec
        self._lonely_grace = min(_LONELY, spec.grace_seconds)
        self._control = control
        self._heard = True  # the supervisor is there
        self._supervisor = _watch(os.getppid())
        self._signals, self._wake = _wake_up_pipe()
        self._outbox = Outbox(self._send)
        file = LogFile(spec.log_path, max_bytes=spec.max_bytes, keep=spec.keep)
        self._log = LogWriter(file, self._log_changed)
        self._log_news: deque[tuple[int | None, int]] = deque()
        output, self._input = os.pipe()
        os.set_blocking(output, False)
        linux.widen_pipe(output, PIPE_BYTES)
        self._drain = Drain(output, self._log, self._outbox)
        self._root: family.Member | None = None  # vLLM's first process, until it is reaped
        self._report = -1  # of the launch, until the root runs
        self._alone = False  # we have no child
        self._sweep: family.Sweep | None = None
        self._next_look = 0.0
        self._over = False

    def run(self) -> None:
        """Start the engine; return when it and its descendants are gone and that is told."""
        self._launch()
        while not self._over:
            self._turn()
        self._farewell()

    # the engine

    def _launch(self) -> None:
        tag = mark.mark_of(family.identify(os.getpid()))
        try:
            pid, self._report = child.launch(self._spec, output=self._input, tag=tag)
        except OSError as why:
            text = f"cannot start a process: {os.strerror(why.errno or 0).lower()}"
            self._not_started(child.Failure(why.errno or 0, text))
        else:
            self._root = family.identify(pid)
        os.close(self._input)
        self._log.start()

    def _launched(self) -> None:
        failure = child.outcome(self._spec, self._report)
        self._report = -1
        if failure is not None:
            self._root = None
            self._not_started(failure)
        elif self._root is not None:
            self._tell(wire.STARTED, pid=self._root.pid, start=self._root.start)

    def _not_started(self, failure: child.Failure) -> None:
        self._tell(wire.FAILED, errno=failure.errno, message=failure.message)
        self._end_family(self._lonely_grace)

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self._alone = True
                return
            if pid == 0:
                return
            if self._root is not None and pid == self._root.pid:
                if self._report >= 0:
                    self._launched()
                self._root_ended(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime)

    def _root_ended(self, status: int, cpu_seconds: float) -> None:
        if self._root is not None:
            self._root = None
            self._drain.rest(time.monotonic())  # its last words come before its end
            self._tell(wire.EXITED, status=status, cpu_seconds=cpu_seconds)
            self._end_family(self._spec.grace_seconds)

    def _end_family(self, grace: float) -> None:
        now = time.monotonic()
        if self._sweep is None:
            self._sweep = family.Sweep(now, grace)
        self._sweep.hurry(now, grace)
        self._next_look = now

    def _look(self, now: float) -> None:
        if self._sweep is None:
            return
        if not self._alone and now >= self._next_look:
            with contextlib.suppress(OSError):  # ENFILE: nobody can be seen now; look again
                alive = family.living(family.descendants(os.getpid()))
                self._sweep.step(now, alive, family.send)
            self._next_look = now + max(_LOOK, 5 * (time.monotonic() - now))
        self._over = self._alone or self._sweep.done

    # the loop

    def _turn(self) -> None:
        now = time.monotonic()
        ready = self._wait(now)
        now = time.monotonic()
        if self._report in ready:
            self._launched()
        if self._signals in ready and any(byte in _TO_STOP for byte in os.read(self._signals, 512)):
            self._end_family(self._lonely_grace)
        if self._drain.fd in ready:
            self._drain.read(now)
        self._reap()
        if self._supervisor in ready or (self._control.fileno() in ready and not self._obey()):
            self._lonely()
        self._tell_news()
        self._look(now)
        self._flush()

    def _wait(self, now: float) -> set[int]:
        """The descriptors that want us, or an empty set when it is time for the next look."""
        poll = select.poll()
        poll.register(self._signals, select.POLLIN)
        if self._heard:
            poll.register(self._control, select.POLLIN | (select.POLLOUT if self._outbox else 0))
            if self._supervisor >= 0:
                poll.register(self._supervisor, select.POLLIN)
        if self._report >= 0:
            poll.register(self._report, select.POLLIN)
        waits = [] if self._sweep is None else [max(0.0, self._next_look - now)]
        if self._log.stalled:
            waits.append(_DISK)
        output_in = self._drain.ready_in(now)
        if output_in == 0.0:
            poll.register(self._drain.fd, select.POLLIN)
        elif output_in is not None:
            waits.append(output_in)
        timeout = 1000 * min(waits) + 1 if waits else None
        return {fd for fd, _ in poll.poll(timeout)}

    # the supervisor

    def _obey(self) -> bool:
        """Do what the supervisor says. False when it is gone."""
        while True:
            try:
                order = self._control.recv(wire.LARGEST, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return True
            except ConnectionError:  # it left with words of ours unread; its own may wait here
                continue
            if not order:
                return False
            if order.startswith(wire.SWEEP):
                self._end_family(float(order[1:]))
            elif order.startswith(wire.SIGNAL) and self._root is not None:
                family.send(signal.Signals(int(order[1:])), self._root)

    def _lonely(self) -> None:
        if self._heard:
            self._heard = False
            note = b"[mixvllm: the supervisor is gone; ending vLLM]\n"
            self._log.offer(note, time.monotonic())
            self._end_family(self._lonely_grace)

    def _tell(self, kind: bytes, **fields: float | str | list[int] | None) -> None:
        self._outbox.tell(wire.message(kind, **fields))

    def _flush(self) -> None:
        if self._heard:
            try:
                self._outbox.flush()
            except ConnectionError:
                self._lonely()

    def _send(self, message: bytes) -> bool:
        try:
            self._control.send(message, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError as why:
            if why.errno in _SOCKET_FULL:
                return False
            raise
        return True

    def _log_changed(self, number: int | None, lost: int) -> None:
        """The log file is in trouble, or out of it. Called from the log's thread, too."""
        self._log_news.append((number, lost))
        with contextlib.suppress(BlockingIOError):  # full: it will wake up anyway
            os.write(self._wake, b"\0")

    def _tell_news(self) -> None:
        while self._log_news:
            number, lost = self._log_news.popleft()
            self._tell(wire.TROUBLE, errno=number, lost_bytes=lost)

    def _farewell(self) -> None:
        """Nobody is left. Say so, and wait until that is heard, or until nobody listens."""
        self._drain.rest(time.monotonic())
        unwritten = self._log.close(_LAST_WRITE)
        self._tell_news()
        if unwritten:
            self._tell(wire.TROUBLE, errno=errno.ETIMEDOUT, lost_bytes=unwritten)
        if self._sweep is not None:
            left = [member.pid for member in self._sweep.left]
            self._tell(wire.GONE, killed=len(self._sweep.killed), left=left)
        poll = select.poll()
        poll.register(self._control, select.POLLOUT)
        if self._supervisor >= 0:
            poll.register(self._supervisor, select.POLLIN)
        self._flush()
        while self._heard and self._outbox:
            if self._supervisor in (fd for fd, _ in poll.poll()):
                return
            self._flush()


def _watch(pid: int) -> int:
    """A descriptor that is readable when the process has ended; -1 where there are none."""
    try:
        return linux.pidfd_open(pid)
    except OSError:
        return -1


def _wake_up_pipe() -> tuple[int, int]:
    """Signals become bytes here: (reading end, writing end)."""
    signals, wake = os.pipe()
    os.set_blocking(signals, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for sig in (*_TO_STOP, signal.SIGCHLD):
        signal.signal(sig, lambda _number, _frame: None)
    for sig in _TO_IGNORE:
        signal.signal(sig, signal.SIG_IGN)
    return signals, wake


def _receive_spec(control: socket.socket) -> EngineSpec | None:
    """The first words of the supervisor. None when it is gone before it finished."""
    text = b""
    while message := control.recv(wire.LARGEST):
        text += message[1:]
        if message.startswith(wire.SPEC_END):
            return decode(text)
    return None


def _kill_everybody() -> None:
    """What `Keeper` does, with no state that could be wrong."""
    sweep = family.Sweep(time.monotonic(), grace=0.0)
    while not sweep.done:
        found = family.descendants(os.getpid())
        for process in found:
            family.reap(process)
        sweep.step(time.monotonic(), family.living(found), family.send)
        time.sleep(_LOOK)


def _complain() -> None:
    """The traceback to stderr, which leads to the supervisor; `traceback` costs 5 ms to import."""
    kind, error, where = sys.exc_info()
    if kind is not None and error is not None:
        sys.__excepthook__(kind, error, where)


def main(argv: list[str]) -> NoReturn:
    """Be the keeper of the engine that the socket ``--fd N`` describes."""
    control = socket.socket(fileno=int(argv[argv.index("--fd") + 1]))
    try:
        control.set_inheritable(False)
        os.chdir("/")  # hold no file system
        linux.become_subreaper()
        spec = _receive_spec(control)
        if spec is not None:
            for fd in spec.holds:
                os.set_inheritable(fd, False)
            Keeper(control, spec).run()
    except BaseException:  # noqa: BLE001 - a fault of ours: the engine must not outlive it
        _kill_everybody()
        _complain()  # stderr leads to the supervisor
        os._exit(70)
    os._exit(0)  # no clean-up that a thread at a dead disk could hold up


if __name__ == "__main__":
    main(sys.argv)
