"""MX430: no cards that the engine could be placed on."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import Default, KeyPath, Origin
from mixvllm.gpu.placement import NoPlace, choose
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.mx402_more_ranks import rank_settings
from mixvllm.rules.wanted import named, wish_beside_the_forecast


def check(facts: Facts) -> Iterator[Diagnostic]:
    """What `serve` would find when it chooses: cards that are ill, in use, or of several models.
    Of this machine, and where a card is only in use, it may be otherwise at the start: a warning.
    """
    wish = wish_beside_the_forecast(facts)
    if wish is None or facts.inventory is None or not facts.inventory.gpus:
        return
    names = named(facts, facts.inventory)
    if names is not None and (names.fixed or names.devices is None):
        return
    among = None if names is None else names.devices
    found = choose(facts.inventory, wish, taken=facts.leased, among=among)
    if not isinstance(found, NoPlace) or _has_its_own_finding(found):
        return
    key, origin = _place(facts)
    yield RULE.finding(
        f"{facts.host}: {found.words}", origin, key=key,
        hint="; ".join(found.reasons) or found.advice,
        severity=Severity.WARNING if facts.machine or found.passing else Severity.ERROR,
    )  # fmt: skip


def _has_its_own_finding(found: NoPlace) -> bool:
    """Fewer cards than ranks (MX402), or memory that no card has at all (MX404)."""
    offered = len(found.fit) + len(found.refused)
    hopeless = [one for one in found.refused if one.short and not one.passing]
    return offered < found.wish.cards or len(hopeless) > offered - found.wish.cards


def _place(facts: Facts) -> tuple[KeyPath, Origin]:
    """What asks for the cards: the ranks, or how much is asked of a card, or the model."""
    sizes = rank_settings(facts)
    if sizes:
        return sizes[0].key, sizes[0].place.value
    for key in (("gpus", "min_free_memory"), ("inference", "gpu_memory_utilization")):
        origin = facts.place(key).value
        if not isinstance(origin, Default):
            return key, origin
    return ("model", "name"), facts.place(("model", "name")).value


RULE = Rule("MX430", "no-place", Severity.WARNING, check)
