"""Which cards an engine gets: a pure choice from an inventory, which can explain itself.

Only cards that can be used at all are chosen from: in health, not held by another run, and
with as much memory free as vLLM will ask for. Of these the group that is nearest together
(:mod:`mixvllm.gpu.topology`), then the one with the most memory free, then the lowest indices.
Memory is compared in whole GiB: cards at rest differ by a few MiB from one look to the next.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mixvllm.core.units import show_size
from mixvllm.gpu.device import Device, devices, named, place_of
from mixvllm.gpu.health import UNFIT
from mixvllm.gpu.inventory import Gpu, GpuInventory, Problem
from mixvllm.gpu.topology import Way, best_groups

_GIB: Final = 2**30

# Problems with which nothing can be started on a card; with all of UNFIT, nothing should be.
DEAD: Final = frozenset({"card-lost", "card-error", "no-answer", "compute-prohibited"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What an engine needs: so many cards, and memory that is free on each of them.

    ``share`` is vLLM's ``gpu_memory_utilization``, None where it does not decide; ``free_bytes``
    is asked for by the operator. ``tensor`` cards at a time wait for each other in every layer.
    """

    cards: int = 1
    tensor: int = 1
    share: float | None = None
    free_bytes: int | None = None

    def claim(self, device: Device) -> int | None:
        """Bytes that must be free on it. vLLM refuses to start with less than its share of what
        CUDA calls the card's memory (``request_memory`` in vllm/v1/worker/utils.py, 0.32.0).
        """
        total = device.total_bytes
        wanted = [] if self.free_bytes is None else [self.free_bytes]
        if self.share is not None and total is not None:
            wanted.append(math.ceil(total * self.share))
        return max(wanted, default=None)


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a device cannot be used, in words that follow its name and a colon."""

    device: Device
    why: str
    hint: str = ""
    passing: bool = False  # it may be otherwise in a minute
    short: bool = False  # too little of its memory is free


@dataclass(frozen=True, slots=True)
class Placed:
    """The chosen devices, in the order in which CUDA should count them."""

    devices: tuple[Device, ...]
    weakest: Way | None = None  # the worst way between two of them
    refused: tuple[Unfit, ...] = ()

    @property
    def words(self) -> str:
        """``cards 2 and 3: NVLink between them, 79.2 GiB free each (card 0: used by a)``."""
        told = [_between(self.weakest), _free(self.devices)]
        others = "; ".join(why_not(self.refused))
        return (
            f"{named(self.devices)}: {', '.join(filter(None, told)) or 'nothing is against it'}"
            f"{f' ({others})' if others else ''}"
        )


@dataclass(frozen=True, slots=True)
class NoPlace:
    """Not enough devices that can be used together; those in ``fit`` could be, alone."""

    wish: Wish
    fit: tuple[Device, ...]
    refused: tuple[Unfit, ...]

    @property
    def words(self) -> str:
        """What is missing, in a sentence; ``reasons`` tell of each card."""
        if self.wish.cards == 1:
            return "no card can be used"
        if self._is_mixed:
            return f"no {self.wish.cards} cards of one model can be used"
        if len(self.fit) >= self.wish.cards:
            return f"{self.wish.cards} cards are needed, and slices (MIG) work alone"
        return f"{self.wish.cards} cards are needed, {len(self.fit) or 'none'} can be used"

    @property
    def _is_mixed(self) -> bool:
        return sum(device.part is None for device in self.fit) >= self.wish.cards

    @property
    def reasons(self) -> tuple[str, ...]:
        """``card 0: used by llama-8b``; of several models, which card is which."""
        alike: dict[str, list[Device]] = {}
        for device in self.fit if self._is_mixed else ():
            alike.setdefault(device.gpu.name or "a model that is not known", []).append(device)
        models = (f"{named(some)}: {name}" for name, some in alike.items())
        return (*why_not(self.refused), *models)

    @property
    def advice(self) -> str:
        """The next step, for the fault that is the easiest to mend."""
        if self._is_mixed:
            return "name cards in gpus.select to mix models"
        return advice(self.refused)

    @property
    def passing(self) -> bool:
        """Whether it may be otherwise in a minute, without a repair."""
        waits = [unfit.device for unfit in self.refused if unfit.passing]
        return bool(waits) and len(self.fit) + len(waits) >= self.wish.cards


def unfit(
    device: Device,
    inventory: GpuInventory,
    wish: Wish,
    taken: Mapping[str, str],
    sick: Collection[str] = UNFIT,
) -> Unfit | None:
    """Why a device cannot be used now, the worst first. ``taken`` says by UUID what keeps us from
    it: ``used by ...``; ``sick`` are the codes of problems that do.
    """
    gpu = device.gpu
    for problem in inventory.problems_of(gpu.index):
        if problem.code in sick:
            return Unfit(device, _without_name(problem, gpu), problem.hint)
    if gpu.mig_enabled and device.part is None:
        hint = f"`nvidia-smi mig -i {gpu.index} -cgi PROFILE -C` makes a slice"
        if gpu.mig_devices:
            hint = f"name a slice: {gpu.mig_devices[0].uuid}"
        return Unfit(device, "split into slices (MIG)", hint)
    why = taken.get(device.uuid or "")
    if why is not None:
        return Unfit(device, why, passing=True)
    return _too_full(device, wish)


def _too_full(device: Device, wish: Wish) -> Unfit | None:
    claim, free, total = wish.claim(device), device.memory.free_bytes, device.total_bytes
    if claim is None:
        return None
    if total is not None and claim > total:
        why = f"{show_size(total)} in all, {show_size(claim)} must be free"
        return Unfit(device, why, short=True)
    if free is None or free >= claim:
        return None
    why = f"{show_size(free)} free, {show_size(claim)} are needed{_held(device)}"
    return Unfit(device, why, passing=True, short=True)


def _held(device: Device) -> str:
    """Who has most of its memory, where the driver says so."""
    largest = max(device.processes or (), key=lambda one: one.memory_bytes or 0, default=None)
    if largest is None:
        return ""
    name = largest.instance or largest.name
    who = f"{name} (pid {largest.pid})" if name else f"pid {largest.pid}"
    user = f" of {largest.user}" if largest.user else ""
    has = f" has {show_size(largest.memory_bytes)}" if largest.memory_bytes else " is there"
    return f"; {who}{user}{has}"


def _without_name(problem: Problem, gpu: Gpu) -> str:
    return problem.message.removeprefix(f"card {gpu.index}").lstrip(": ")


def choose(
    inventory: GpuInventory,
    wish: Wish,
    *,
    taken: Mapping[str, str],
    among: Sequence[Device] | None = None,
) -> Placed | NoPlace:
    """The best devices for an engine: of all, or of those in ``among``."""
    fit, refused = [], []
    for device in devices(inventory) if among is None else among:
        trouble = unfit(device, inventory, wish, taken)
        if trouble is None:
            fit.append(device)
        else:
            refused.append(trouble)
    fit.sort(key=place_of)
    told = tuple(sorted(refused, key=lambda one: place_of(one.device)))
    if wish.cards == 1 and fit:
        return Placed((max(fit, key=_room),), refused=told)
    whole = {device.gpu.index: device for device in fit if device.part is None}
    groups = best_groups(inventory, wish.cards, whole)
    if not groups:
        return NoPlace(wish, tuple(fit), told)
    equal = [group for group in groups if group.score == groups[0].score]
    best = max(equal, key=lambda group: min(_room(whole[index]) for index in group.indices))
    order = _in_ranks(inventory, best.indices, wish.tensor)
    return Placed(tuple(whole[index] for index in order), best.weakest, told)


def _in_ranks(inventory: GpuInventory, indices: Sequence[int], tensor: int) -> list[int]:
    """The cards in an order that puts those near together into one tensor-parallel group: vLLM
    gives the first so many to its first group.
    """
    order: list[int] = []
    while rest := [index for index in indices if index not in order]:
        groups = best_groups(inventory, min(tensor, len(rest)), rest)
        order += groups[0].indices
    return order


def _room(device: Device) -> int:
    """Free memory in whole GiB; a card that does not tell comes last."""
    return -1 if device.memory.free_bytes is None else device.memory.free_bytes // _GIB


def why_not(refused: Sequence[Unfit]) -> Iterator[str]:
    """``cards 0 and 1: used by llama-8b``: a line for each reason."""
    alike: dict[str, list[Device]] = {}
    for one in refused:
        alike.setdefault(one.why, []).append(one.device)
    for why, some in alike.items():
        yield f"{named(some)}: {why}"


def advice(refused: Sequence[Unfit]) -> str:
    """The next step, for the fault that is the easiest to mend."""
    if any(one.passing and not one.short for one in refused):
        return "stop one of those that use them, or set gpus.share in both to share a card"
    if any(one.short for one in refused):
        return "free memory there, or ask for less: inference.gpu_memory_utilization"
    return next((one.hint for one in refused if one.hint), "`mixvllm gpus` tells more")


def _between(weakest: Way | None) -> str:
    if weakest is None or weakest.name == "?":
        return ""
    return "NVLink between them" if weakest.nvlinks else weakest.words


def _free(some: Sequence[Device]) -> str:
    amounts = [device.memory.free_bytes for device in some]
    known = [amount for amount in amounts if amount is not None]
    if len(known) < len(amounts):
        return ""
    shown = {show_size(amount) for amount in known}
    each = " each" * (len(some) > 1)
    return f"{'at least ' * (len(shown) > 1)}{show_size(min(known))} free{each}"
