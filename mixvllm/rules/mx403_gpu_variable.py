"""MX403: a variable that `gpus.select` sets."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.rules.base import Facts, Rule


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Two places would choose the cards, or their order, and one of them would lose."""
    select = facts.resolved.places.get(("gpus", "select"))
    if select is None or facts.resolved.value("gpus", "select") == "auto":
        return
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        place = facts.resolved.places.get(("vllm", "env", name))
        if place is None:
            continue
        yield RULE.finding(
            f"{name} is set by gpus.select, and here again",
            place.key,
            key=("vllm", "env", name),
            label="take one of the two out",
            related=(Related(select.value, "selected here"),),
        )


RULE = Rule("MX403", "gpu-variable", Severity.ERROR, check)
