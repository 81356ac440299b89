"""The forecast: a profile's model on some cards, rank by rank; the smallest rank decides.

Theory of operation: a :class:`Question` holds what was asked. From it come the deployment (what
vLLM would make of the settings on the first card), each rank's weights, cache layout and overhead,
and so each rank's budget. The cache's size is worked out twice, for the least and for the most that
is left. Whatever is not known is said in words, and never makes it fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from mixvllm.forecast.asked import Asked
from mixvllm.forecast.budget import RankBudget, rank_budget
from mixvllm.forecast.cards import Card, Offer
from mixvllm.forecast.deployment import Target, deployment_of, not_followed
from mixvllm.forecast.interval import Interval
from mixvllm.forecast.model import Model
from mixvllm.forecast.process import process_of
from mixvllm.forecast.verdict import Cause, Reason, Verdict, judge, shortages
from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.kv_cache import Capacity, KvLayout, UnknownLayout, capacity, kv_layout
from mixvllm.vllm.memory.overhead import Overhead, overhead
from mixvllm.vllm.memory.weights import UnknownWeights


@dataclass(frozen=True)
class Question:
    """A model, its settings, and the cards that it may use."""

    asked: Asked
    model: Model
    target: Target
    cards: tuple[Card, ...] = ()  # (): none are known
    offer: Offer | None = None  # where they are chosen from; None: the first rank gets the first
    live: bool = False  # what is free on them is free now
    spread: bool = False  # ranks may be on other machines, with cards like these
    no_cards: str = ""  # why none are known, in words

    def but(self, **changes: object) -> "Question":
        """The same with other settings: ``but(max_model_len=4096)``."""
        return replace(self, asked=self.asked.but(**changes))


@dataclass(frozen=True)
class Forecast:
    """The answer. Sizes are in bytes, lengths in tokens; None is not known."""

    question: Question
    deployment: Deployment
    ranks: tuple[RankBudget, ...]  # of one copy of the model
    layouts: tuple[KvLayout, ...]  # of each rank; () when the layout is not known
    cards: tuple[Card, ...]  # that the ranks of all copies get
    tokens: Interval | None
    concurrency: tuple[float, float] | None  # requests of the longest length at a time
    longest: Interval | None  # request that the cache holds
    verdict: Verdict
    reasons: tuple[Reason, ...]
    unknown: tuple[str, ...]

    @property
    def deciding(self) -> int | None:
        """The rank with the least cache, by its place; None when that is not known."""
        sizes = [
            (rank.kv.low / layout.bytes_per_token if layout.bytes_per_token else 0.0, number)
            for number, (rank, layout) in enumerate(zip(self.ranks, self.layouts, strict=False))
            if rank.kv is not None
        ]
        return min(sizes)[1] if len(sizes) == len(self.ranks) else None


@dataclass
class _Notes:
    """What is found out on the way."""

    unknown: list[str] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)

    def not_known(self, what: str) -> None:
        if what not in self.unknown:
            self.unknown.append(what)


def forecast(question: Question) -> Forecast:
    """Answer it. Never raises: what cannot be told is in ``unknown``."""
    notes = _Notes(list(not_followed(question.asked)))
    cards, deployment = _placed(question, notes)
    config = question.model.config
    weights = _weights(question.model, deployment, notes)
    per_copy = len(weights)
    ranks = tuple(
        rank_budget(
            deployment,
            stage=weight.stage,
            rank=weight.rank,
            card=_smallest(cards[number::per_copy]),
            weights=weight.size,
            offloaded=weight.offloaded,
            overhead=_overhead(config, deployment, weight.stage),
        )
        for number, weight in enumerate(weights)
    )
    sized = _sized(question, deployment, ranks, notes)
    for number, rank in enumerate(ranks):
        layout = sized.layouts[number] if sized.layouts else None
        notes.reasons += shortages(number, rank, deployment, layout, live=question.live)
    verdict = judge(notes.reasons, notes.unknown)
    return Forecast(
        question, deployment, ranks, sized.layouts, cards, sized.tokens, sized.concurrency,
        sized.longest, verdict, tuple(notes.reasons), tuple(notes.unknown),
    )  # fmt: skip


def _placed(question: Question, notes: _Notes) -> tuple[tuple[Card, ...], Deployment]:
    """The cards that the ranks get, and the deployment on the first of them."""
    cards = question.cards
    first = deployment_of(
        question.asked, question.model.config, question.target, cards[0] if cards else None
    )
    wanted = first.ranks * question.asked.copies
    if not cards:
        notes.not_known(question.no_cards or "the cards")
        return (), first
    if question.target.device == "cpu":
        return cards * first.ranks, first
    chosen, no_place = cards[:wanted], ""
    if question.offer is not None:
        share = first.gpu_memory_utilization
        chosen, no_place = question.offer.choose(wanted, tensor=first.tensor_parallel, share=share)
    if len(chosen) < wanted:
        if question.spread:
            notes.not_known("the cards of the other machines")
        else:
            has = "is 1 card" if len(chosen) == 1 else f"are {len(chosen)} cards"
            text = f"{wanted} ranks need a card each, and there {has}"
            notes.reasons.append(Reason(Cause.CARDS, text, certain=True))
        chosen = tuple(chosen[number % len(chosen)] for number in range(wanted))
    elif no_place:
        notes.reasons.append(Reason(Cause.CARDS, no_place, certain=True))
    if any(card.total is None for card in chosen):
        notes.not_known("how much memory the cards have")
    return chosen, deployment_of(question.asked, question.model.config, question.target, chosen[0])


def _overhead(config: ModelConfig, deployment: Deployment, stage: int) -> Overhead:
    if deployment.device == "cpu":
        return process_of(deployment)
    return overhead(config, deployment, stage=stage)


def _smallest(cards: Sequence[Card]) -> Card | None:
    """Of the cards that a rank has in each copy of the model, the one with the least memory."""
    known = [card for card in cards if card.total is not None]
    if len(known) < len(cards) or not known:
        return cards[0] if cards else None
    return min(known, key=lambda card: card.total.low if card.total else 0)


@dataclass(frozen=True, slots=True)
class _Share:
    """A rank of one copy and what it holds; None: not known."""

    stage: int
    rank: int
    size: int | None = None
    offloaded: int = 0


def _weights(model: Model, deployment: Deployment, notes: _Notes) -> tuple[_Share, ...]:
    """The ranks of a copy, stage by stage."""
    try:
        weights = model.weigh(deployment)
    except UnknownWeights as why:
        notes.not_known(f"the weights: {why}")
        return tuple(
            _Share(stage, rank)
            for stage in range(deployment.pipeline_parallel)
            for rank in range(deployment.tensor_parallel)
        )
    unplaced = {name for rank in weights for name in rank.unplaced}
    if unplaced:
        notes.not_known(
            f"how {len(unplaced)} tensors are shared out (counted whole), e.g. {min(unplaced)}"
        )
    return tuple(_Share(each.stage, each.rank, each.size, each.offloaded) for each in weights)


_NOTHING: Final = Capacity(0, 0, 0.0)


@dataclass(frozen=True, slots=True)
class _Sized:
    """The cache."""

    layouts: tuple[KvLayout, ...] = ()
    tokens: Interval | None = None
    concurrency: tuple[float, float] | None = None
    longest: Interval | None = None


def _sized(
    question: Question, deployment: Deployment, ranks: Sequence[RankBudget], notes: _Notes
) -> _Sized:
    try:
        layouts = _layouts(question, deployment, ranks)
        left = [rank.kv for rank in ranks if rank.kv is not None]
        if len(left) < len(ranks) or all(layout.empty for layout in layouts):
            return _Sized(layouts)
        ends = [[max(0, kv.low) for kv in left], [max(0, kv.high) for kv in left]]
        longest = Interval(*(_longest(ranks, layouts, sizes) for sizes in ends))
        least, greatest = (
            capacity(layouts, sizes) if holds or not deployment.fit_max_model_len else _NOTHING
            for sizes, holds in zip(ends, (longest.low, longest.high), strict=True)
        )
    except UnknownLayout as why:
        notes.not_known(f"the KV cache: {why}")
        return _Sized()
    return _Sized(
        layouts,
        Interval(least.tokens, max(least.tokens, greatest.tokens)),
        (least.max_concurrency, max(least.max_concurrency, greatest.max_concurrency)),
        longest,
    )


def _layouts(
    question: Question, deployment: Deployment, ranks: Sequence[RankBudget]
) -> tuple[KvLayout, ...]:
    stages = {
        stage: kv_layout(question.model.config, deployment, stage=stage)
        for stage in {rank.stage for rank in ranks}
    }
    return tuple(stages[rank.stage] for rank in ranks)


def _longest(ranks: Sequence[RankBudget], layouts: Sequence[KvLayout], left: Sequence[int]) -> int:
    """The longest request that every rank can hold, and that the model takes."""
    least: dict[int, tuple[int, KvLayout]] = {}  # of each stage: its ranks hold the same layers
    for rank, layout, size in zip(ranks, layouts, left, strict=True):
        if rank.stage not in least or size < least[rank.stage][0]:
            least[rank.stage] = size, layout
    return min(layout.longest(size) if size else 0 for size, layout in least.values())
