"""The cards that are named on the command line, in an inventory."""

from collections.abc import Sequence
from dataclasses import replace

from mixvllm.cli.streams import visible as shown
from mixvllm.core.errors import MachineFault, UsageFault
from mixvllm.gpu.device_names import cards_named
from mixvllm.gpu.inventory import Gpu, GpuInventory


def only(inventory: GpuInventory, names: Sequence[str]) -> GpuInventory:
    """The part of an inventory that is about the cards of these names; all of it without any.

    Raises:
        UsageFault: a name means several cards.
        MachineFault: there is no such card.
    """
    if not names or not inventory.gpus:
        return inventory
    gpus = {gpu.index: gpu for gpu in (_named(name, inventory.gpus) for name in names)}
    links = inventory.links
    return replace(
        inventory,
        gpus=tuple(gpus.values()),
        problems=tuple(p for p in inventory.problems if p.gpu is None or p.gpu in gpus),
        links=None
        if links is None
        else tuple(link for link in links if {link.first, link.second} <= gpus.keys()),
    )


def _named(name: str, gpus: Sequence[Gpu]) -> Gpu:
    """The card; of a slice (``0:1``, ``MIG-...``) the card that it is of."""
    whole = name.startswith("GPU-") or name.isdecimal()
    found = cards_named(name if whole else f"GPU-{name}", gpus) or tuple(
        gpu
        for gpu in gpus
        if any(
            name == f"{gpu.index}:{part.index}" or (part.uuid and part.uuid.startswith(name))
            for part in gpu.mig_devices or ()
        )
    )
    if len(found) == 1:
        return found[0]
    if found:
        which = ", ".join(str(gpu.index) for gpu in found)
        raise UsageFault(
            f"{shown(name)} begins the UUIDs of cards {which}", hint="write more of it"
        )
    has = ", ".join(str(gpu.index) for gpu in gpus)
    raise MachineFault(
        f"there is no card {shown(name)}: the cards are {has}",
        hint="name a card by its index, or by the beginning of its UUID",
    )
