"""Who belongs to a family of processes, and how a family is ended.

A number is no identity: Linux gives the pid of a dead process to a new one. So a member
is a pid *and* the moment it started, and a signal goes through a pidfd that was opened
before that moment was compared. Nothing else in mixvllm sends signals.

A family is found in one of two ways. Whoever is a subreaper finds all its descendants by
their parents, also those that changed session or lost their parent. A stranger finds the
members of a session, and those that carry a mark (:mod:`mixvllm.engine.mark`).

Standard library only, and little of it: the keeper lives on this module.
"""

# A keeper loads this, and does without pathlib: 5 ms.
# ruff: noqa: PTH208

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from mixvllm.engine import linux

# Seconds that a process may take to vanish after SIGKILL before we give up on it. The kernel
# first takes back its memory, which takes seconds when hundreds of GiB are pinned for a GPU.
STUBBORN = 15.0


class Member(NamedTuple):
    """One process for good: its pid and its start, in clock ticks since the machine's boot."""

    pid: int
    start: int


class Process(NamedTuple):
    """What ``/proc/PID/stat`` says of a process (proc(5))."""

    member: Member
    parent: int
    session: int
    state: str
    threads: int

    @property
    def alive(self) -> bool:
        """False for a zombie. A dead main thread whose other threads run on is no zombie."""
        return self.state not in "ZX" or self.threads > 1


def read(path: str) -> bytes:
    """The first 4 KiB of a file in /proc; empty when the process is gone or hidden from us.

    Raises OSError where that is not the reason, e.g. EMFILE: nobody seen is not nobody there.
    """
    try:
        fd = os.open(path, os.O_RDONLY)
        try:
            return os.read(fd, 4096)
        finally:
            os.close(fd)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""


def look(pid: int) -> Process | None:
    """The process with this pid now, zombies included."""
    stat = read(f"/proc/{pid}/stat")
    if not stat:
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()  # the name may hold blanks and brackets
    return Process(
        member=Member(pid, int(fields[19])),
        parent=int(fields[1]),
        session=int(fields[3]),
        state=fields[0].decode(),
        threads=int(fields[17]),
    )


def identify(pid: int) -> Member:
    """Who has this pid: ourselves, or a child that nobody has waited for.

    Raises ProcessLookupError when there is none, and also where /proc is not mounted.
    """
    process = look(pid)
    if process is None:
        raise ProcessLookupError(f"process {pid} is not in /proc")
    return process.member


def everybody() -> Iterator[Process]:
    """Every process that we can see, zombies included. About 15 us each."""
    for name in os.listdir("/proc"):
        if name[0].isdigit() and (process := look(int(name))) is not None:
            yield process


def descendants(of_pid: int) -> list[Process]:
    """Children, grandchildren and so on, zombies included; ``of_pid`` itself is not among them."""
    children: dict[int, list[Process]] = {}
    for process in everybody():
        children.setdefault(process.parent, []).append(process)
    found = list(children.get(of_pid, ()))
    for process in found:  # grows while we walk
        found += children.get(process.member.pid, ())
    return found


def members(session: int) -> list[Process]:
    """The processes of one session, zombies included."""
    return [process for process in everybody() if process.session == session]


def session_of(leader: Member) -> list[Process]:
    """The members of the session that ``leader`` founded, living or dead.

    A session keeps its number from other processes as long as it has members, so a leader
    with that pid and another start means that this session is no more.
    """
    process = look(leader.pid)
    if process is not None and process.member != leader:
        return []
    return members(leader.pid)


def living(processes: Iterable[Process]) -> list[Member]:
    """Those that still run, or could."""
    return [process.member for process in processes if process.alive]


def send(sig: signal.Signals, member: Member) -> bool:
    """Signal a member. False when it is gone, or when the kernel does not let us."""
    try:
        pidfd = linux.pidfd_open(member.pid)
    except ProcessLookupError:
        return False
    except OSError:  # a kernel without pidfds, or no descriptor left
        return _send_by_number(sig, member)
    try:
        if not _is(member):
            return False
        linux.pidfd_send_signal(pidfd, sig)
    except OSError:
        return False
    finally:
        os.close(pidfd)
    return True


def _send_by_number(sig: signal.Signals, member: Member) -> bool:
    """Compare, then hurry: a few microseconds in which the pid could change hands."""
    try:
        if not _is(member):
            return False
        os.kill(member.pid, sig)  # noqa: TID251 - this is the safe place that the ban names
    except OSError:
        return False
    return True


def _is(member: Member) -> bool:
    process = look(member.pid)
    return process is not None and process.member == member


def reap(process: Process) -> int | None:
    """Bury a zombie that is our child. Its status as in :mod:`subprocess`, else None."""
    if process.parent != os.getpid():
        return None
    try:
        pid, status = os.waitpid(process.member.pid, os.WNOHANG)
    except ChildProcessError:  # somebody else waited for it
        return None
    return os.waitstatus_to_exitcode(status) if pid else None


class Sweep:
    """Ends a family: SIGTERM and SIGCONT to all, patience, SIGKILL, until nobody is left.

    A plan without a clock and without effects of its own: the caller looks who is alive,
    says what time it is (seconds, monotonic), and hands over what delivers a signal.

    SIGCONT follows SIGTERM because a stopped process cannot die of anything but SIGKILL.
    Two looks in a row must find nobody: between a look and a signal a child may be born.
    """

    def __init__(self, began: float, grace: float) -> None:
        self.deadline = began + grace
        self.killed: set[Member] = set()
        self.left: list[Member] = []  # those that survived SIGKILL, when we gave up
        self._asked: set[Member] = set()
        self._kills_began: float | None = None
        self._empty_looks = 0

    def hurry(self, now: float, grace: float) -> None:
        """Shorten the patience; it is never made longer."""
        self.deadline = min(self.deadline, now + grace)

    @property
    def done(self) -> bool:
        """Nobody is left, or those who are left cannot be killed."""
        return self._empty_looks >= 2 or bool(self.left)

    def step(
        self, now: float, alive: list[Member], send: Callable[[signal.Signals, Member], bool]
    ) -> None:
        """One look."""
        self._empty_looks = 0 if alive else self._empty_looks + 1
        if not alive:
            return
        if now < self.deadline:
            for member in alive:
                if member not in self._asked:
                    self._asked.add(member)
                    send(signal.SIGTERM, member)
                    send(signal.SIGCONT, member)
            return
        if self._kills_began is None:
            self._kills_began = now
        for member in alive:
            if send(signal.SIGKILL, member):
                self.killed.add(member)
        if now > self._kills_began + STUBBORN:
            self.left = alive
