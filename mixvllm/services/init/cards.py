"""The cards of this machine, as a first profile speaks of them."""

from collections.abc import Sequence
from itertools import groupby

from mixvllm.core.units import show_size
from mixvllm.gpu.inventory import Gpu, GpuInventory


def equal_cards(inventory: GpuInventory) -> tuple[Gpu, ...]:
    """The largest number of healthy cards of one kind; none that is split by MIG."""

    def kind(gpu: Gpu) -> tuple[str, int]:
        return gpu.name or "", gpu.memory.total_bytes or 0

    healthy = [
        gpu
        for gpu in inventory.gpus
        if gpu.name and not gpu.mig_enabled and not inventory.problems_of(gpu.index)
    ]
    groups = [tuple(cards) for _, cards in groupby(sorted(healthy, key=kind), key=kind)]
    return max(groups, key=lambda cards: (len(cards), kind(cards[0])[1]), default=())


def shared_by(heads: int | None, group: Sequence[Gpu]) -> int | None:
    """The most cards that can share the heads; None when that is not known."""
    if not group:
        return None
    if len(group) == 1:
        return 1
    if heads is None:
        return None
    return next(size for size in range(len(group), 0, -1) if heads % size == 0)


def cards_in_words(inventory: GpuInventory) -> str:
    """A sentence for the head of the profile."""
    if not inventory.gpus:
        why = inventory.problems[0].message if inventory.problems else "the driver has none"
        return f"Written on a machine without a GPU that can be asked: {_one_line(why)}."
    kinds: dict[str, int] = {}
    for gpu in inventory.gpus:
        memory = gpu.memory.total_bytes
        size = f", {show_size(memory)}" if memory is not None else ""
        words = f"{_one_line(gpu.name or 'a card without a name')}{size}"
        kinds[words] = kinds.get(words, 0) + 1
    cards = "; ".join(f"{count} x {words}" for words, count in kinds.items())
    sick = [str(p.gpu) for p in inventory.problems if p.gpu is not None]
    ill = f"; not well: card {', '.join(dict.fromkeys(sick))}" if sick else ""
    return f"Written on a machine with {cards}{ill}."


def _one_line(text: str) -> str:
    """A text of the driver's, for a comment."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
