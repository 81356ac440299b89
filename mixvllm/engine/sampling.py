"""What the engine uses of this machine: CPU and memory of its processes, and its cards."""

import os
import time
from typing import Final, NamedTuple

from mixvllm.core.events import MachineSampled
from mixvllm.engine import family
from mixvllm.engine.cards import CardWatch

_TRACKER: Final = b"multiprocessing.resource_tracker"
_TICK: Final = 1 / os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_SHARE: Final = 500  # finding the family may take a 500th of our time: /proc can be long


class _Usage(NamedTuple):
    """Of one process: CPU seconds since its start, and resident bytes."""

    cpu: float
    memory: int


class MachineSampler:
    """Looks at the engine's family again and again; percentages are since the last look."""

    def __init__(self, cards: CardWatch) -> None:
        self._cores = os.cpu_count()
        self._memory = os.sysconf("SC_PHYS_PAGES") * _PAGE
        self._members: list[family.Member] = []
        self._keeper = 0
        self._find_at = 0.0
        self._before: tuple[float, dict[family.Member, _Usage]] | None = None
        self._cards = cards

    def sample(self, at: float, keeper: int) -> MachineSampled:
        """The engine under this keeper, ``at`` seconds into the run."""
        self._find(at, keeper)
        used = {member: seen for member in self._members if (seen := _usage(member)) is not None}
        percent = None
        if self._before is not None and at > self._before[0]:
            then, was = self._before
            # One that was not there before is left out: when it began is not known to the second.
            grown = (max(0.0, now.cpu - was[one].cpu) for one, now in used.items() if one in was)
            percent = 100.0 * sum(grown) / (at - then)
        self._before = (at, used)
        return MachineSampled(
            at,
            cards=self._cards.look(),
            engine_cpu_percent=percent,
            engine_memory_bytes=sum(seen.memory for seen in used.values()),
            memory_total_bytes=self._memory,
            cores=self._cores,
        )

    def _find(self, at: float, keeper: int) -> None:
        """Who belongs to the engine; seldom asked on a machine with thousands of processes."""
        if keeper == self._keeper and at < self._find_at:
            return
        began = time.thread_time()
        self._members = family.living(family.descendants(keeper))
        self._keeper = keeper
        self._find_at = at + _SHARE * (time.thread_time() - began)


def _usage(member: family.Member) -> _Usage | None:
    """From ``/proc/PID/stat`` (proc(5)); None when the process is gone."""
    stat = family.read(f"/proc/{member.pid}/stat")
    fields = stat[stat.rindex(b")") + 2 :].split() if stat else []
    if not fields or int(fields[19]) != member.start:
        return None
    return _Usage((int(fields[11]) + int(fields[12])) * _TICK, int(fields[21]) * _PAGE)


def only_root_left(keeper: int, root: int) -> bool:
    """Whether of a whole engine only the API server (and Python's tracker) still lives."""
    others = [m.pid for m in family.living(family.descendants(keeper)) if m.pid != root]
    return not any(_TRACKER not in family.read(f"/proc/{pid}/cmdline") for pid in others)
