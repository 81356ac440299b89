"""A mark that a process hands down to every descendant, so that none can get lost.

When a keeper is killed, the kernel keeps no record of who was its descendant: those that
had changed session are strangers then. An environment variable does not tell either, as
vLLM's processes write their title over it. What no program in a family touches, and every
child inherits through fork, exec and setsid, is the soft limit on uninterrupted real-time
CPU seconds (RLIMIT_RTTIME, getrlimit(2)). It is unlimited by default and counts only for
real-time schedules, in microseconds. We set it to more than 73,000 years, and choose the
number: the keeper's start and pid. Everybody may read it in ``/proc/PID/limits``.

Where an administrator has limited it already, nothing is marked; then a lost keeper's
family is found by its session alone.
"""

# A keeper loads this, and does without pathlib: 5 ms.
# ruff: noqa: PTH115, PTH116

import os
import resource
from collections.abc import Iterator

from mixvllm.engine import family

_TAG = 1 << 61
_PID_BITS = 22  # PID_MAX_LIMIT, include/linux/threads.h
_LINE = b"Max realtime timeout"


def mark_of(keeper: family.Member) -> int:
    """The number that stands for this keeper."""
    return _TAG | keeper.start << _PID_BITS | keeper.pid


def keeper_of(mark: int) -> family.Member:
    """The keeper that a mark stands for."""
    return family.Member(mark & (1 << _PID_BITS) - 1, (mark ^ _TAG) >> _PID_BITS)


def wear(mark: int) -> None:
    """Mark this process and all that it will start. Raises OSError or ValueError if limited."""
    _, hard = resource.getrlimit(resource.RLIMIT_RTTIME)
    resource.setrlimit(resource.RLIMIT_RTTIME, (mark, hard))


def _mark_on(pid: int) -> int | None:
    with_line = family.read(f"/proc/{pid}/limits")
    value = with_line.partition(_LINE)[2].split(maxsplit=1)
    if not value or not value[0].isdigit():
        return None
    mark = int(value[0])
    return mark if mark >> 61 == 1 else None


def marked(mark: int) -> list[family.Process]:
    """All that carry this mark, zombies included. About 30 us for each process there is."""
    return [process for process in family.everybody() if _mark_on(process.member.pid) == mark]


def strays() -> Iterator[tuple[family.Member, family.Process]]:
    """Marked processes that outlived their keeper, each with that keeper.

    There are some after a keeper and its supervisor were killed together. Only our own
    user's are told, and only those that count pids as we do: a keeper in a container
    has a pid there that is another process's here.
    """
    ours = _world(os.getpid())
    for process in family.everybody():
        pid = process.member.pid
        mark = _mark_on(pid)
        if mark is None or not process.alive or _world(pid) != ours:
            continue
        keeper = family.look(keeper_of(mark).pid)
        if keeper is None or not keeper.alive or keeper.member != keeper_of(mark):
            yield keeper_of(mark), process


def _world(pid: int) -> tuple[int, str] | None:
    """Whose process it is, and in which count of pids; None when it is not ours to look at."""
    try:
        return os.stat(f"/proc/{pid}").st_uid, os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None
