"""The sum of one rank: what of its card's memory is left for the KV cache.

The arithmetic is vLLM's (0.32.0): `v1/worker/utils.py` (request_memory), `v1/worker/
gpu_worker.py` (determine_available_memory), and on the CPU `v1/worker/cpu_worker.py`.
"""

import math
from dataclasses import dataclass

from mixvllm.forecast.cards import Card
from mixvllm.forecast.interval import Interval
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.overhead import Overhead


@dataclass(frozen=True, slots=True)
class RankBudget:
    """One rank and its card. Sizes are in bytes; None is not known."""

    stage: int  # of the pipeline
    rank: int  # in the stage
    card: Card | None
    weights: int | None
    offloaded: int  # weights in the host's memory
    overhead: Overhead
    requested: Interval | None  # what vLLM asks of the card
    kv: Interval | None  # what is left for the cache, or was given to it

    @property
    def taken(self) -> Interval:
        """The overhead that comes out of the budget."""
        return Interval(self.overhead.low, self.overhead.high)

    @property
    def beside(self) -> Interval:
        """The overhead that comes on top of it."""
        parts = [part for part in self.overhead.parts if not part.in_budget]
        return Interval(sum(part.low for part in parts), sum(part.high for part in parts))

    @property
    def all_in_all(self) -> Interval | None:
        """The most memory that the rank holds at a time: None where something is not known."""
        if self.weights is None or self.kv is None:
            return None
        return Interval.exactly(self.weights).plus(self.taken).plus(self.beside).plus(self.kv)


def rank_budget(
    deployment: Deployment,
    *,
    stage: int,
    rank: int,
    card: Card | None,
    weights: int | None,
    offloaded: int,
    overhead: Overhead,
) -> RankBudget:
    """Add a rank up. With `kv-cache-memory-bytes` the cache has these, whatever is left."""
    requested = None if card is None or card.total is None else _share(card.total, deployment)
    kv: Interval | None = None
    if deployment.kv_cache_memory_bytes is not None:
        kv = Interval.exactly(deployment.kv_cache_memory_bytes)
    elif requested is not None and weights is not None:
        kv = requested.minus(Interval(weights + overhead.low, weights + overhead.high))
    return RankBudget(stage, rank, card, weights, offloaded, overhead, requested, kv)


def _share(total: Interval, deployment: Deployment) -> Interval:
    share = deployment.gpu_memory_utilization
    return Interval(math.ceil(total.low * share), math.ceil(total.high * share))
