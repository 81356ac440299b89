"""Whether it fits: only what is certain in every case is called so."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mixvllm.core.units import show_count, show_size
from mixvllm.forecast.budget import RankBudget
from mixvllm.forecast.interval import Interval
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.kv_cache import KvLayout


class Verdict(StrEnum):
    """What can be said of a start."""

    FITS = "fits"  # even with the most overhead
    DOES_NOT_FIT = "does_not_fit"  # even with the least
    CANNOT_TELL = "cannot_tell"  # between the two, or something is not known


class Cause(StrEnum):
    """What is short."""

    CARDS = "cards"  # there are fewer than ranks
    OTHERS = "others"  # what is free now is less than what vLLM asks for
    WEIGHTS = "weights"  # nothing is left for the cache
    CONTEXT = "context"  # less is left than one request of the longest length needs
    CARD = "card"  # all together is more than the card has


@dataclass(frozen=True, slots=True)
class Reason:
    """Why it does not fit, or may not. ``text`` is a sentence."""

    cause: Cause
    text: str
    certain: bool
    rank: int | None = None  # which one, by its place in the list


def judge(reasons: Sequence[Reason], unknown: Sequence[str]) -> Verdict:
    """The verdict of all reasons. What is not known never makes it fit."""
    if any(reason.certain for reason in reasons):
        return Verdict.DOES_NOT_FIT
    return Verdict.CANNOT_TELL if reasons or unknown else Verdict.FITS


def shortages(
    number: int,
    budget: RankBudget,
    deployment: Deployment,
    layout: KvLayout | None,
    *,
    live: bool,
) -> Iterator[Reason]:
    """What is short on one rank. ``live``: what is free on its card is free now."""
    place = budget.card.place if budget.card is not None else "each card"
    if live:
        yield from _less_than_asked(number, budget, deployment, place)
    kv = budget.kv
    if kv is None or (layout is not None and layout.empty):
        return
    given = deployment.kv_cache_memory_bytes is not None
    short = [] if layout is None else list(_less_than_a_request(number, kv, layout, place))
    if kv.low <= 0 and not given and not (kv.high > 0 and any(one.certain for one in short)):
        yield _no_room(number, budget, place)
    else:
        yield from short
    yield from _more_than_the_card(number, budget, deployment, place)


def _no_room(number: int, budget: RankBudget, place: str) -> Reason:
    """Nothing is left for the cache, or perhaps nothing."""
    certain = budget.kv is not None and budget.kv.high <= 0
    asked = show_size(budget.requested.high if budget.requested else 0)
    text = f"weights and overhead may take all of the {asked} that vLLM may use of {place}"
    if certain:
        least = show_size((budget.weights or 0) + budget.taken.low)
        text = f"weights and overhead take at least {least}, and vLLM may use {asked} of {place}"
    return Reason(Cause.WEIGHTS, text, certain, number)


def _less_than_asked(
    number: int, budget: RankBudget, deployment: Deployment, place: str
) -> Iterator[Reason]:
    """vLLM refuses to start when less than its share is free; on the CPU not where the size of
    the cache is given.
    """
    card, requested = budget.card, budget.requested
    if card is None or card.free is None or requested is None or card.free >= requested.high:
        return
    if deployment.device == "cpu" and deployment.kv_cache_memory_bytes is not None:
        return
    text = (
        f"{show_size(card.free)} of {place} are free now, and vLLM asks for"
        f" {show_size(requested.low)} before it reads any weight"
    )
    yield Reason(Cause.OTHERS, text, card.free < requested.low, number)


def _less_than_a_request(
    number: int, kv: Interval, layout: KvLayout, place: str
) -> Iterator[Reason]:
    """Less cache than one request of the longest length takes."""
    if layout.deployment.fit_max_model_len:
        if not layout.longest(max(0, kv.low)):
            text = f"the KV cache of {place} may hold no request at all"
            yield Reason(Cause.CONTEXT, text, not layout.longest(max(0, kv.high)), number)
        return
    if not layout.length or layout.holds(kv.low, layout.length):
        return
    certain = not layout.holds(kv.high, layout.length)
    length = show_count(layout.length)
    needs = show_size(layout.needed(layout.length) + layout.reserved)
    if kv.is_exact:
        has = show_size(kv.low)
    elif certain:
        has = f"at most {show_size(max(0, kv.high))}"
    else:
        has = f"{show_size(max(0, kv.low))} to {show_size(kv.high)}"
    text = (
        f"one request of {length} tokens needs {needs} of KV cache, and {has} of {place} are left"
        " for it"
    )
    yield Reason(Cause.CONTEXT, text, certain, number)


def _more_than_the_card(
    number: int, budget: RankBudget, deployment: Deployment, place: str
) -> Iterator[Reason]:
    """The cache is allocated, and graphs are captured, whether there is room for it or not."""
    card, requested = budget.card, budget.requested
    if card is None or card.total is None or requested is None or budget.kv is None:
        return
    has = show_size(card.total.high)
    if deployment.kv_cache_memory_bytes is not None:
        whole = budget.all_in_all
        if whole is not None and whole.high > card.total.low:
            text = (
                f"weights, overhead and the KV cache that is given take {show_size(whole.low)} to"
                f" {show_size(whole.high)}, and {place} has {has}"
            )
            yield Reason(Cause.CARD, text, whole.low > card.total.high, number)
    elif requested.plus(budget.beside).high > card.total.low:
        beside = f"{show_size(budget.beside.low)} to {show_size(budget.beside.high)}"
        names = " and ".join(part.name for part in budget.overhead.parts if not part.in_budget)
        text = (
            f"vLLM may use {show_size(requested.high)} of {place}, which has {has}, and {names}"
            f" take {beside} more"
        )
        yield Reason(Cause.CARD, text, certain=False, rank=number)
