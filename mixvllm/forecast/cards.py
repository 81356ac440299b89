"""The cards of an inventory as vLLM would use them: what CUDA calls their memory, who else is
there, and which of them the ranks get.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from mixvllm.forecast.interval import Interval
from mixvllm.gpu.device import Device, devices
from mixvllm.gpu.inventory import GpuInventory, GpuMemory, GpuProcess
from mixvllm.gpu.placement import NoPlace, Wish, choose, unfit

# CUDA's total is NVML's without the driver's part. Where the driver does not tell its part, it is
# between these: of the cards whose total vLLM has logged (RTX 3090 0.42, H100 0.46, A100-40
# 0.5 to 0.6, L40S 0.57, RTX PRO 6000 0.58, H200 0.59 GiB) none is outside.
_DRIVER: Final = Interval(2**30 * 25 // 100, 2**30 * 70 // 100)
# And what CUDA says differs from that by less than this (H100: 79.19 where 79.14 is expected).
_OFF: Final = 64 * 2**20
_GIB: Final = 2**30


@dataclass(frozen=True, slots=True)
class Card:
    """A card, a slice of one, or main memory, for one rank. Sizes are in bytes."""

    place: str  # "card 0", "slice 1 of card 0", "main memory"
    name: str  # "NVIDIA L4"; "" when it is not known
    total: Interval | None  # what vLLM takes its share of; None: not known
    nvml_total: int | None = None  # what vLLM's defaults for batches go by
    free: int | None = None  # now
    capability: tuple[int, int] | None = None
    others: tuple[GpuProcess, ...] = ()  # who holds memory of it


def card_of(device: Device) -> Card:
    """A card, or a slice of one (MIG), which CUDA sees as a device of its own."""
    gpu, part = device.gpu, device.part
    return Card(
        place=device.words,
        name=" ".join(filter(None, (gpu.name, part.profile if part else None))),
        total=_total(device.memory),
        nvml_total=device.memory.total_bytes,
        free=device.memory.free_bytes,
        capability=gpu.compute_capability,
        others=device.processes or (),
    )


def sold_as(name: str, gib: float, total_gib: float) -> Card:
    """A card that nobody has, to try: its memory as sold and as CUDA tells it, in GiB."""
    total = int(total_gib * _GIB)
    return Card("a card", name, Interval.exactly(total), int(gib * _GIB))


def _total(memory: GpuMemory) -> Interval | None:
    if memory.cuda_total_bytes is not None:
        least = memory.cuda_total_bytes - _OFF
        return Interval(max(0, least), min(memory.cuda_total_bytes + _OFF, memory.total_bytes or 0))
    if memory.total_bytes is None:
        return None
    return Interval(
        max(0, memory.total_bytes - _DRIVER.high), max(0, memory.total_bytes - _DRIVER.low)
    )


_Choice: TypeAlias = tuple[tuple[Card, ...], str]  # why there is no place; "": there is


@dataclass(frozen=True, slots=True)
class Offer:
    """Devices of a machine, to choose from as `serve` does."""

    inventory: GpuInventory
    devices: tuple[Device, ...]
    taken: Mapping[str, str]  # what keeps us from a device, by its UUID
    wish: Wish  # of one card; how many, and what share, is the deployment's
    _chosen: dict[Wish, _Choice] = field(default_factory=dict, repr=False)

    @property
    def cards(self) -> tuple[Card, ...]:
        """All of them."""
        return tuple(map(card_of, self.devices))

    def choose(self, count: int, *, tensor: int, share: float) -> _Choice:
        """The cards of the place that `serve` would find. Where it would find none, of one that
        it would if nobody else were there; where there is none, as many as there are, and why.
        Of many cards a choice takes a while, and most changes of a profile ask for the same one.
        """
        wish = replace(self.wish, cards=count, tensor=tensor)
        if wish.share is not None:
            wish = replace(wish, share=share)
        if wish not in self._chosen:
            self._chosen[wish] = self._choose(wish)
        return self._chosen[wish]

    def _choose(self, wish: Wish) -> _Choice:
        found = choose(self.inventory, wish, taken=self.taken, among=self.devices)
        if isinstance(found, NoPlace):
            alone = Wish(wish.cards, wish.tensor)
            found = choose(self.inventory, alone, taken={}, among=self.devices)
        if isinstance(found, NoPlace):
            return tuple(map(card_of, found.fit[: wish.cards])), found.words
        return tuple(map(card_of, found.devices)), ""


def usable(inventory: GpuInventory, among: Sequence[Device] | None = None) -> tuple[Device, ...]:
    """What an engine could be placed on if nobody else were there: of all devices, or of some."""
    some = devices(inventory) if among is None else among
    return tuple(device for device in some if unfit(device, inventory, Wish(), {}) is None)
