"""The cards that a profile means, found in an inventory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mixvllm.core.origin import KeyPath, Origin
from mixvllm.gpu.device_names import cards_named, runs
from mixvllm.rules.base import Facts

if TYPE_CHECKING:
    from mixvllm.gpu.inventory import Gpu, GpuInventory


@dataclass(frozen=True, slots=True)
class Selected:
    """An entry of ``gpus.select`` and where it stands."""

    name: str  # "0", "GPU-5fa1..."
    key: KeyPath
    origin: Origin


def selected(facts: Facts) -> Iterator[Selected]:
    """The entries of ``gpus.select``; none when it is ``auto``, or not a list of names."""
    cards = facts.resolved.value("gpus", "select")
    for i, card in enumerate(cards) if isinstance(cards, list) else ():
        if isinstance(card, str | int) and not isinstance(card, bool):
            key: KeyPath = ("gpus", "select", i)
            place = facts.resolved.places.get(key) or facts.place(("gpus", "select"))
            yield Selected(str(card), key, place.value)


def found(name: str, inventory: "GpuInventory") -> "Gpu | None":
    """The card of that index, or whose UUID begins so, as CUDA reads its list of devices."""
    return next(iter(cards_named(name, inventory.gpus)), None)


def in_use(facts: Facts) -> "Iterator[tuple[Gpu, Selected | None]]":
    """The cards that the engine may use: the selected ones that are there, or all of them."""
    if facts.inventory is None:
        return
    if not isinstance(facts.resolved.value("gpus", "select"), list):
        yield from ((gpu, None) for gpu in facts.inventory.gpus)
    for entry in selected(facts):
        gpu = found(entry.name, facts.inventory)
        if gpu is not None:
            yield gpu, entry


def indices(gpus: "Iterable[Gpu]") -> str:
    """``GPUs 0-3``, ``GPU 0``, ``GPUs 0, 2-3``, ``no GPU``."""
    numbers = [gpu.index for gpu in gpus]
    return f"GPU{'s' * (len(numbers) > 1)} {runs(numbers)}" if numbers else "no GPU"
