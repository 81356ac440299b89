"""The cards of a run: chosen, or as the profile names them, and leased for as long as it lives."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from mixvllm.core.errors import MachineFault
from mixvllm.core.origin import dotted
from mixvllm.gpu.inventory import GpuInventory
from mixvllm.gpu.library import has_library
from mixvllm.gpu.process import Scope
from mixvllm.gpu.visible import VARIABLE
from mixvllm.rules.wanted import Named, named, wish
from mixvllm.services.card_search import Placement, Search
from mixvllm.services.check import Checked
from mixvllm.services.inventory import take_inventory
from mixvllm.services.lease import Leases
from mixvllm.services.lessee import Lessee
from mixvllm.vllm.prefix import is_python


def place(
    checked: Checked,
    lessee: Lessee,
    *,
    leases: Leases,
    tell: Callable[[str], None],
) -> Placement:
    """Choose, check and lease. An engine that does not use this machine's cards is left alone.

    ``tell`` hears in words of what is waited for.

    Raises:
        Unplaced: no cards can be used, or one that is named cannot.
        MachineFault: one that is named is not there.
    """
    wanted = wish(checked.facts)
    if wanted is None or not _sees_our_cards(checked) or not has_library():
        return Placement()

    def look() -> GpuInventory:
        return take_inventory(
            Scope(links=wanted.cards > 1), waking=lambda: tell("the driver wakes the cards")
        )

    inventory = look()
    if not inventory.gpus:
        told = (f"no cards are chosen: {problem.message}" for problem in inventory.problems)
        return Placement(notes=tuple(told))
    checked = replace(checked, facts=replace(checked.facts, wrapped=False))  # it inherits ours
    names = named(checked.facts, inventory)
    if names is not None and names.fixed:
        _refuse_missing(names, wanted.cards)
    if names is not None and names.devices is None:
        return Placement(notes=tuple(_left_alone(names)))
    return Search(checked, wanted, lessee, leases, look, tell).run(inventory)


def _sees_our_cards(checked: Checked) -> bool:
    """Whether vLLM is started on this machine, with the environment that we give it."""
    words = checked.command or ("",)
    return not checked.facts.wrapped or is_python(words[0])


def _refuse_missing(names: Named, cards: int) -> None:
    """vLLM would find out half a minute later. A UUID may be that of a card that does not tell."""
    for entry, _ in names.entries[:cards]:
        if entry.device is None and entry.text.isdecimal():
            raise MachineFault(
                f"{dotted(names.key)} names {entry.text}: {entry.reason}",
                hint="`mixvllm gpus` shows what is there",
            )


def _left_alone(names: Named) -> Iterator[str]:
    why = next((entry.reason for entry, device in names.entries if device is None), "it is empty")
    seen = any(entry.device is not None for entry, _ in names.entries)
    what = "stays as it is;" if seen else "hides them all:"
    yield f"no cards are chosen: {VARIABLE} {what} {why}"
