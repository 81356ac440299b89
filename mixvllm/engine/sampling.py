"""What the engine uses of this machine: CPU and memory of its processes, and its cards.

NVML may block for as long as the driver does, so the cards are asked in a thread that is
never waited for: a card that hangs leaves the last picture standing and nothing else.
"""

import asyncio
import contextlib
import os
from dataclasses import replace
from typing import Final

import psutil

from mixvllm.core.errors import MachineFault
from mixvllm.core.events import CardSampled, MachineSampled
from mixvllm.engine import family
from mixvllm.gpu.sample import CardSampler

_TRACKER: Final = b"multiprocessing.resource_tracker"


class MachineSampler:
    """Looks at the engine's family again and again; percentages are since the last look."""

    def __init__(self) -> None:
        self._cores = os.cpu_count()
        self._memory = psutil.virtual_memory().total
        self._before: tuple[float, dict[family.Member, float]] | None = None
        self._sampler: CardSampler | None = None
        self._asked = False
        self._cards: tuple[CardSampled, ...] = ()
        self._looking: asyncio.Future[tuple[CardSampled, ...]] | None = None

    def sample(self, at: float, keeper: int) -> MachineSampled:
        """The engine under this keeper, ``at`` seconds into the run."""
        cpu: dict[family.Member, float] = {}
        memory = 0
        for member in family.living(family.descendants(keeper)):
            with contextlib.suppress(psutil.Error):
                seen = psutil.Process(member.pid)
                times = seen.cpu_times()
                cpu[member] = times.user + times.system
                memory += seen.memory_info().rss
        percent = None
        if self._before is not None and at > self._before[0]:
            then, was = self._before
            used = sum(max(0.0, now - was.get(member, 0.0)) for member, now in cpu.items())
            percent = 100.0 * used / (at - then)
        self._before = (at, cpu)
        self._look_at_cards()
        return MachineSampled(
            at,
            cards=self._cards,
            engine_cpu_percent=percent,
            engine_memory_bytes=memory,
            memory_total_bytes=self._memory,
            cores=self._cores,
        )

    def close(self) -> None:
        """Let the driver go, unless a thread is still with it."""
        if self._sampler is not None and (self._looking is None or self._looking.done()):
            self._sampler.close()

    def _look_at_cards(self) -> None:
        """Take the last picture if it is there, and ask for the next one."""
        if self._looking is not None:
            if not self._looking.done():
                self._cards = tuple(_unknown(card) for card in self._cards)
                return
            with contextlib.suppress(MachineFault):
                self._cards = self._looking.result()
            self._looking = None
        if not self._asked:
            self._asked = True
            with contextlib.suppress(MachineFault):
                self._sampler = CardSampler.open()
        if self._sampler is not None:
            self._looking = asyncio.ensure_future(asyncio.to_thread(self._sampler.sample))


def _unknown(card: CardSampled) -> CardSampled:
    """The card without figures: its driver does not answer."""
    return replace(
        card, memory_used_bytes=None, utilization_percent=None, temperature_celsius=None,
        power_watts=None,
    )  # fmt: skip


def only_root_left(keeper: int, root: int) -> bool:
    """Whether of a whole engine only the API server (and Python's tracker) still lives."""
    others = [m.pid for m in family.living(family.descendants(keeper)) if m.pid != root]
    return not any(_TRACKER not in family.read(f"/proc/{pid}/cmdline") for pid in others)
