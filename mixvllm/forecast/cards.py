"""The cards of an inventory as vLLM would use them: what CUDA calls their memory, who else is
there, and which of them the ranks get.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mixvllm.forecast.interval import Interval
from mixvllm.gpu.device import Device, devices
from mixvllm.gpu.health import UNFIT
from mixvllm.gpu.inventory import GpuInventory, GpuMemory, GpuProcess
from mixvllm.gpu.visible import visible_cards

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


def fit_for_use(inventory: GpuInventory) -> tuple[Card, ...]:
    """All that CUDA could use, without cards that are ill."""
    return tuple(
        card_of(device)
        for device in devices(inventory)
        if not any(problem.code in UNFIT for problem in inventory.problems_of(device.gpu.index))
    )


def listed(inventory: GpuInventory, environ: Mapping[str, str]) -> tuple[Card, ...] | None:
    """The cards of CUDA_VISIBLE_DEVICES in its order, those that CUDA would take; None where it
    is not set.
    """
    visible = visible_cards(inventory, environ)
    if visible is None:
        return None
    known = {
        (device.gpu.index, None if device.part is None else device.part.index): device
        for device in devices(inventory)
    }
    places = [(e.gpu, e.mig_device) for e in visible.entries if e.device is not None]
    return tuple(
        card_of(known[gpu, part])
        for gpu, part in places
        if gpu is not None and (gpu, part) in known
    )


def best(cards: Sequence[Card], count: int, *, live: bool) -> tuple[Card, ...]:
    """So many cards of one kind, those with the most memory (``live``: the most that is free);
    fewer when there are not so many.
    """

    def room(card: Card) -> int:
        total = 0 if card.total is None else card.total.low
        return total if not live or card.free is None else min(card.free, total)

    kinds: dict[tuple[str, int | None], list[Card]] = {}
    for card in cards:
        kinds.setdefault((card.name, card.nvml_total), []).append(card)
    enough = [kind for kind in kinds.values() if len(kind) >= count]
    groups = [sorted(kind, key=room, reverse=True)[:count] for kind in enough] or [
        sorted(cards, key=room, reverse=True)[:count]
    ]
    return tuple(max(groups, key=lambda group: min(map(room, group), default=0)))
