"""MX405: something in `gpus.select` that names no card."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import KeyPath
from mixvllm.gpu.device_names import names_a_device
from mixvllm.rules.base import Facts, Rule, shown
from mixvllm.settings.layers import Value


def check(facts: Facts) -> Iterator[Diagnostic]:
    """CUDA stops reading its list at the first name that it does not know, and hides every card
    behind it without a word; an empty list hides them all.
    """
    select = facts.resolved.value("gpus", "select")
    if not isinstance(select, list):
        return
    if not select:
        yield RULE.finding(
            "`gpus.select` is empty: the engine would see no GPU",
            facts.place(("gpus", "select")).value, key=("gpus", "select"),
            label="write auto, or name cards",
        )  # fmt: skip
    for i, card in enumerate(select):
        path: KeyPath = ("gpus", "select", i)
        if not _names_a_card(card):
            origin = (facts.resolved.places.get(path) or facts.place(("gpus", "select"))).value
            yield RULE.finding(
                f"`{shown(card)}` names no card", origin, key=path,
                label="write an index, or a UUID (GPU-..., MIG-...)",
                hint="`mixvllm gpus` lists the cards",
            )  # fmt: skip


def _names_a_card(card: Value) -> bool:
    match card:
        case int() if not isinstance(card, bool):
            return card >= 0
        case str():
            return names_a_device(card)
        case _:
            return True  # of a type that the structure's check has refused


RULE = Rule("MX405", "no-card", Severity.ERROR, check)
