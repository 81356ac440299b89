"""MX401: one GPU selected twice."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import KeyPath
from mixvllm.rules.base import Facts, Rule


def check(facts: Facts) -> Iterator[Diagnostic]:
    """CUDA takes a list with a repeated card for an empty one: the engine would see no GPU."""
    select = facts.resolved.value("gpus", "select")
    seen: set[str] = set()
    for i, card in enumerate(select) if isinstance(select, list) else ():
        path: KeyPath = ("gpus", "select", i)
        origin = (facts.resolved.places.get(path) or facts.place(("gpus", "select"))).value
        if str(card) in seen:
            yield RULE.finding(
                f"GPU {card} is selected twice", origin, key=path, label="take it out"
            )
        seen.add(str(card))


RULE = Rule("MX401", "gpu-twice", Severity.ERROR, check)
