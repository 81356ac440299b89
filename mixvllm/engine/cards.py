"""The cards, looked at by a thread that nobody waits for.

A look takes up to a second when a card hangs; not even our own end waits for that.
"""

import asyncio
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import Final

from mixvllm.core.events import CardSampled
from mixvllm.gpu.inventory import GpuInventory
from mixvllm.gpu.library import has_library
from mixvllm.gpu.process import Scope
from mixvllm.gpu.watch import Watch

_PATIENCE: Final = 1.2  # seconds; a look takes one at the most


class CardWatch:
    """The cards for whoever shows them: ask again and again, on one loop."""

    def __init__(self) -> None:
        self._questions: SimpleQueue[bool] = SimpleQueue()
        self._lock = threading.Lock()
        self._waiting: list[asyncio.Future[None]] = []
        self._asked = 0
        self._answered = 0
        self._latest: GpuInventory | None = None
        self._thread: threading.Thread | None = None

    def look(self) -> tuple[CardSampled, ...]:
        """The cards at the last look, and a new look. Empty: there is no driver. Never waits."""
        with self._lock:
            self._ask()
            return () if self._latest is None else cards_of(self._latest)

    async def inventory(self) -> GpuInventory | None:
        """The cards now; however many ask, they wait for one look, about a second at the most.
        None: there is no driver, or it has not answered yet.
        """
        answered = asyncio.get_running_loop().create_future()
        with self._lock:
            self._ask()
            self._waiting.append(answered)
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await answered
        return self._latest

    def close(self) -> None:
        """No more looks, and nobody waits for one."""
        self._questions.put(False)
        self._wake()

    def _ask(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="cards", daemon=True)
            self._thread.start()
        if self._answered == self._asked:
            self._asked += 1
            self._questions.put(True)

    def _run(self) -> None:
        if not has_library():
            while self._questions.get():
                self._answer(None)
            return
        with Watch(Scope(processes=False)) as watch:
            while self._questions.get():
                self._answer(watch.look())

    def _answer(self, inventory: GpuInventory | None) -> None:
        with self._lock:
            self._latest = inventory
            self._answered += 1
        self._wake()

    def _wake(self) -> None:
        """Whoever waits for a look; from any thread."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for answered in waiting:
            with suppress(RuntimeError):  # the loop has ended
                answered.get_loop().call_soon_threadsafe(_set, answered)


def _set(answered: "asyncio.Future[None]") -> None:
    if not answered.done():
        answered.set_result(None)


def cards_of(inventory: GpuInventory) -> tuple[CardSampled, ...]:
    """What the panes show of the cards; a card that does not answer has a name and no figures."""
    return tuple(
        CardSampled(
            index=gpu.index,
            name=gpu.name or "unknown",
            memory_used_bytes=gpu.memory.used_bytes,
            memory_total_bytes=gpu.memory.total_bytes,
            utilization_percent=gpu.utilization.gpu_percent,
            temperature_celsius=gpu.temperature_celsius,
            power_watts=gpu.power_watts,
            power_limit_watts=gpu.power_limit_watts,
        )
        for gpu in inventory.gpus
    )
