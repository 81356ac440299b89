"""MX402: more ranks than selected GPUs."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.rules.base import Facts, Rule


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Each rank of tensor and pipeline parallelism needs a card of its own; vLLM finds out when
    the ranks meet. Engines that are spread over machines (Ray, `nnodes`) are not judged.
    """
    select = facts.resolved.value("gpus", "select")
    if not isinstance(select, list) or not select:
        return
    spread, nodes = facts.setting("distributed-executor-backend"), facts.setting("nnodes")
    if (spread and spread.value == "ray") or (nodes and nodes.value != 1):
        return
    sizes = [
        setting
        for name in ("tensor-parallel-size", "pipeline-parallel-size")
        if (setting := facts.setting(name)) and type(setting.value) is int and setting.value > 1
    ]
    ranks = 1
    for setting in sizes:
        ranks *= int(str(setting.value))
    if ranks <= len(select):
        return
    place = facts.place(("gpus", "select")).value
    cards = "1 card is" if len(select) == 1 else f"{len(select)} cards are"
    terms = " x ".join(f"{s.name} {s.value}" for s in sizes)
    yield RULE.finding(
        f"{terms} needs {ranks} GPUs, and {cards} selected",
        sizes[0].place.value,
        key=sizes[0].key,
        label="lower it, or select more cards",
        related=(Related(place, "selected here"),),
    )


RULE = Rule("MX402", "more-ranks-than-gpus", Severity.ERROR, check)
