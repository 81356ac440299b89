"""Looks at the cards, one after the other: of those that were asked for, with who uses them."""

import os
import threading
import time
from dataclasses import replace
from typing import Final

from mixvllm.cli.run.gpus import Arguments
from mixvllm.cli.run.gpus_chosen import only
from mixvllm.core.errors import MachineFault
from mixvllm.gpu.inventory import GpuInventory
from mixvllm.gpu.watch import Watch
from mixvllm.services.instances import with_instances
from mixvllm.services.lease import holders

_LONGEST: Final = 1.2  # seconds; a look takes one at the most


def look(eyes: Watch) -> GpuInventory:
    """The cards now, and which of our instances use them."""
    return with_instances(eyes.look(), holders())


def wanted(
    inventory: GpuInventory, arguments: Arguments, before: GpuInventory | None
) -> GpuInventory:
    """The cards that were asked for. Raises MachineFault for one that was never there; one that
    has been there may come back.
    """
    try:
        return only(inventory, arguments.cards)
    except MachineFault:
        if before is None:
            raise
        return replace(inventory, gpus=())


class Looks:
    """Looks at the cards in a thread, each ``interval`` seconds; ``ready`` can be read when
    there is a new one.
    """

    def __init__(self, eyes: Watch, interval: float) -> None:
        self._eyes = eyes
        self._interval = interval
        self._stopped = threading.Event()
        self.ready, self._told = os.pipe()
        self.latest: GpuInventory | None = None
        self._thread = threading.Thread(target=self._run, name="looks", daemon=True)

    def __enter__(self) -> "Looks":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(_LONGEST)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopped.is_set():
            self.latest = look(self._eyes)
            os.write(self._told, b".")
            due = max(due + self._interval, time.monotonic())
            self._stopped.wait(due - time.monotonic())
