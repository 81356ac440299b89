"""MX403: a variable that `gpus.select` sets."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.rules.base import Facts, Rule


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Two places would choose the cards, and one of them would lose."""
    select = facts.resolved.places.get(("gpus", "select"))
    place = facts.resolved.places.get(("vllm", "env", "CUDA_VISIBLE_DEVICES"))
    if place is None or select is None or facts.resolved.value("gpus", "select") == "auto":
        return
    yield RULE.finding(
        "CUDA_VISIBLE_DEVICES is set by gpus.select, and here again",
        place.key,
        key=("vllm", "env", "CUDA_VISIBLE_DEVICES"),
        label="take one of the two out",
        related=(Related(select.value, "selected here"),),
    )


RULE = Rule("MX403", "gpu-variable", Severity.ERROR, check)
