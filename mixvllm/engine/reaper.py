"""Zombies that nobody waits for.

A subreaper, and the first process of a container, is given the orphans of its children: a
shell of the browser terminal leaves some behind. When they end, somebody must wait for
them. Waiting for "any child" would steal the status of children that others wait for; so
only what has been a zombie for a while is taken.
"""

import os
from typing import Final

from mixvllm.engine import family

_PATIENCE: Final = 5.0  # seconds; asyncio and subprocess.run fetch theirs within milliseconds


class Reaper:
    """Call :meth:`reap` now and then, with a monotonic time in seconds."""

    def __init__(self) -> None:
        self._seen: dict[family.Member, float] = {}

    def reap(self, now: float) -> list[int]:
        """Bury the children that have been dead for five seconds; returns their pids."""
        if not _somebody_is_dead():
            self._seen.clear()
            return []
        dead = {
            process.member: process
            for process in family.everybody()
            if process.parent == os.getpid() and not process.alive
        }
        self._seen = {member: self._seen.get(member, now) for member in dead}
        due = [process for member, process in dead.items() if now - self._seen[member] >= _PATIENCE]
        return [process.member.pid for process in due if family.reap(process) is not None]


def _somebody_is_dead() -> bool:
    """One system call; looks, and takes nothing."""
    try:
        state = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return state is not None
