"""MX432: cards that are far from each other, where others are near."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.gpu.device import Device, devices, named
from mixvllm.gpu.placement import unfit
from mixvllm.gpu.topology import Group, best_groups
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.wanted import chosen, wish_beside_the_forecast


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Ranks of tensor parallelism exchange data in every layer, as fast as the slowest way between
    two of them. Only cards that could be used in their place are compared.
    """
    wish, inventory = wish_beside_the_forecast(facts), facts.inventory
    own = [one for one in chosen(facts) if one.device.part is None]
    if wish is None or inventory is None or wish.cards != wish.tensor or len(own) != wish.cards:
        return
    if wish.cards < 2:
        return
    mine = {one.device.gpu.index for one in own}
    taken = facts.leased
    others = {
        device.gpu.index
        for device in devices(inventory)
        if device.part is None and unfit(device, inventory, wish, taken) is None
    }
    here = next(iter(best_groups(inventory, wish.cards, mine)), None)
    best = next(iter(best_groups(inventory, wish.cards, mine | others)), None)
    if here is None or best is None or not _nearer(best, here):
        return
    better = named([Device(gpu) for gpu in inventory.gpus if gpu.index in best.indices])
    yield RULE.finding(
        f"{facts.host}: the way between {named([one.device for one in own])} leads"
        f" {here.words}; between {better} it is {best.words}",
        own[0].origin, key=own[0].key,
        label=f"[{', '.join(map(str, best.indices))}] would be faster, or auto",
    )  # fmt: skip


def _nearer(best: Group, here: Group) -> bool:
    return (
        best.weakest is not None
        and here.weakest is not None
        and here.weakest.name != "?"
        and best.weakest.strength > here.weakest.strength
    )


RULE = Rule("MX432", "far-cards", Severity.WARNING, check)
