"""MX433: a selected card that is in use."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.gpu.placement import unfit
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.wanted import chosen, wish_beside_the_forecast


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Another run has it, or too little of its memory is free: for `gpus.min_free_memory`, or for
    the share that vLLM will ask for. It may be otherwise at the start, and is looked at again.
    """
    wish = wish_beside_the_forecast(facts)
    if wish is None or facts.inventory is None:
        return
    taken = facts.leased
    for one in chosen(facts):
        trouble = unfit(one.device, facts.inventory, wish, taken, sick=())
        if trouble is not None and trouble.passing:
            yield RULE.finding(
                f"{facts.host}: {one.device.words}: {trouble.why}", one.origin, key=one.key,
                label="select another card, or auto",
            )  # fmt: skip


RULE = Rule("MX433", "busy-card", Severity.WARNING, check)
