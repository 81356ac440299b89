"""The last minute of the cards: how busy they were, and how full."""

from collections import deque
from typing import Final, NamedTuple

from mixvllm.gpu.inventory import Gpu, GpuInventory

SPAN: Final = 60.0  # seconds that are kept
_LEVELS: Final = "▁▂▃▄▅▆▇█"


class _Moment(NamedTuple):
    at: float
    load: float | None  # shares, from 0 to 1
    memory: float | None


class History:
    """Of each card by its UUID, so that one that comes back goes on where it was."""

    def __init__(self) -> None:
        self._moments: dict[str, deque[_Moment]] = {}

    def add(self, inventory: GpuInventory, at: float) -> None:
        """One more look, ``at`` seconds of a clock that is never set."""
        for gpu in inventory.gpus:
            percent, memory = gpu.utilization.gpu_percent, gpu.memory
            full = (
                memory.used_bytes / memory.total_bytes
                if memory.used_bytes is not None and memory.total_bytes
                else None
            )
            moments = self._moments.setdefault(_key(gpu), deque())
            moments.append(_Moment(at, None if percent is None else percent / 100, full))
        for moments in self._moments.values():
            while moments and moments[0].at < at - SPAN:
                moments.popleft()

    def load(self, gpu: Gpu, width: int) -> str:
        """How busy it was, a character a look, the newest last; blank where it did not tell."""
        return _spark([moment.load for moment in self._of(gpu)], width)

    def memory(self, gpu: Gpu, width: int) -> str:
        """How full it was."""
        return _spark([moment.memory for moment in self._of(gpu)], width)

    def _of(self, gpu: Gpu) -> "deque[_Moment]":
        return self._moments.get(_key(gpu), deque())


def _key(gpu: Gpu) -> str:
    return gpu.uuid or str(gpu.index)


def _spark(shares: list[float | None], width: int) -> str:
    top = len(_LEVELS) - 1
    text = "".join(
        " " if share is None else _LEVELS[round(max(0.0, min(share, 1.0)) * top)]
        for share in shares[-width:]
    )
    return text.rjust(width)
