"""MX400: a selected GPU that the machine does not have."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.cards import Selected, found, indices, selected


def check(facts: Facts) -> Iterator[Diagnostic]:
    """CUDA stops reading its list at the first card that it does not find, and hides all that
    stand behind it. Nothing is said where the cards are not known.
    """
    if facts.inventory is None:
        return
    has = indices(facts.inventory.gpus)
    for entry in selected(facts):
        if _can_be_judged(entry, facts) and found(entry.name, facts.inventory) is None:
            name = f"GPU {entry.name}" if entry.name.isdecimal() else entry.name
            yield RULE.finding(
                f"{name} is not there: {facts.host} has {has}", entry.origin, key=entry.key,
                hint="`mixvllm gpus` lists the cards of this machine" if facts.machine else "",
            )  # fmt: skip


def _can_be_judged(entry: Selected, facts: Facts) -> bool:
    """A UUID only where every card told its own; slices of a card (MIG) are in no inventory."""
    if entry.name.isdecimal():
        return True
    gpus = facts.inventory.gpus if facts.inventory is not None else ()
    if entry.name.startswith("GPU-"):
        return all(gpu.uuid is not None for gpu in gpus)
    return entry.name.startswith("MIG-") and all(gpu.mig_enabled is False for gpu in gpus)


RULE = Rule("MX400", "gpu-not-there", Severity.ERROR, check)
