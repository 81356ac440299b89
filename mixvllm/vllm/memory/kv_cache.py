"""How many tokens a rank's memory holds, and how much memory a request needs.

vLLM 0.12.0 to 0.33.0, `v1/core/kv_cache_utils.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.kv_groups import Group, groups
from mixvllm.vllm.memory.kv_page import in_flight, specs
from mixvllm.vllm.memory.kv_spec import Kind, Name, Spec
from mixvllm.vllm.memory.kv_type import resolved_type
from mixvllm.vllm.memory.layer import Heads, Shape
from mixvllm.vllm.memory.mamba_mode import mamba_mode
from mixvllm.vllm.memory.shape import shape_of
from mixvllm.vllm.memory.stages import stages
from mixvllm.vllm.memory.unknown import UnknownLayout
from mixvllm.vllm.table import numbers

__all__ = ["Capacity", "KvLayout", "UnknownLayout", "capacity", "kv_layout"]

# The releases in which the arithmetic changed.
_BY_GROUPS: Final = (0, 14, 0)  # a request is counted in groups; before, layer by layer
_BY_STAGE: Final = (0, 17, 0)  # in the layers of the rank; before, in those of all stages
_ALL_GROUPS: Final = (0, 19, 0)  # in all groups; before, only the first was counted
_TOKENS_OF_REQUESTS: Final = (0, 20, 0)  # "tokens" are of requests of the longest length
_NULL_BLOCK: Final = (0, 29, 0)  # a block is set aside before the check
_CHUNKS_APART: Final = (0, 14, 0)  # chunked layers have blocks of their own by default
_LONGEST_EVER: Final = 2**24  # tokens, where a model does not say its longest


@dataclass(frozen=True, slots=True)
class KvLayout:
    """What one rank caches. Sizes are in bytes, lengths in tokens."""

    groups: tuple[Group, ...]  # of the whole model
    own: tuple[Spec, ...]  # of the rank's layers, each for itself
    block_bytes: int  # of a block in all of the rank's layers
    checked_bytes: int  # of a block as the check before the start counts it
    deployment: Deployment
    length: int  # of the longest request that the deployment allows; 0: not known
    limit: int  # of the longest request that any deployment of the model allows

    @property
    def empty(self) -> bool:
        """Whether nothing is cached at all, as in an encoder."""
        return not self.groups

    @property
    def bytes_per_token(self) -> float:
        """What one more token of a long request costs.

        Layers with a window stop costing once it is full; where all layers have one, what a token
        costs while it is kept.
        """
        full = [group for group in self.groups if _kind(group) is Kind.FULL]
        counted = full or [group for group in self.groups if _kind(group) is not Kind.STATE]
        return sum(self.block_bytes / (group.block * _shards(group)) for group in counted)

    @property
    def reserved(self) -> int:
        """Bytes that are set aside before a request is weighed against the rest."""
        if self.empty or numbers(self.deployment.release) < _NULL_BLOCK:
            return 0
        return self.block_bytes

    def blocks(self, available: int) -> int:
        """Blocks of the cache in so many bytes."""
        return max(0, available // self.block_bytes) if self.block_bytes else 0

    def blocks_of(self, length: int) -> int:
        """Blocks that one request of a length takes."""
        return sum(group.blocks(length) for group in self.groups)

    def needed(self, length: int) -> int:
        """Bytes that one request of a length takes, as vLLM's refusal says it."""
        release = numbers(self.deployment.release)
        if release < _BY_GROUPS:
            return sum(spec.page * spec.blocks(length) for spec in self.own)
        if release < _ALL_GROUPS:
            return self.checked_bytes * self.groups[0].blocks(length) if self.groups else 0
        return self.checked_bytes * self.blocks_of(length)

    def holds(self, available: int, length: int) -> bool:
        """Whether vLLM starts with so many bytes for requests of a length."""
        return self.needed(length) <= available - self.reserved

    def longest(self, available: int) -> int:
        """The longest request that so many bytes hold; 0 when none does."""
        return _last(self.limit, lambda length: self.holds(available, length))


@dataclass(frozen=True, slots=True)
class Capacity:
    """What vLLM logs as the size of its cache."""

    blocks: int
    tokens: int  # as the release counts them
    max_concurrency: float  # requests of the longest length at a time


def kv_layout(config: ModelConfig, deployment: Deployment, *, stage: int = 0) -> KvLayout:
    """The cache of a rank of a pipeline stage. Raises UnknownLayout."""
    kind = resolved_type(config, deployment)
    part, shape = shape_of(config, deployment, kind)
    every = specs(
        shape,
        part,
        deployment,
        kind=kind,
        mode=mamba_mode(shape, part, deployment),
        flight=in_flight(deployment, config),
    )
    joined = groups(every, deployment.release, hybrid=_is_hybrid(shape, deployment))
    mine = _names(shape, every, deployment, stage)
    checked = frozenset(every) if numbers(deployment.release) < _BY_STAGE else mine
    stated = config.longest(deployment.release)
    most = stated.tokens if stated else 0
    return KvLayout(
        joined,
        tuple(spec for name, spec in every.items() if name in mine),
        max((group.page(mine) for group in joined), default=0),
        max((group.page(checked) for group in joined), default=0),
        deployment,
        deployment.max_model_len or most,
        max(deployment.max_model_len or 0, most) or _LONGEST_EVER,
    )


def capacity(layouts: Sequence[KvLayout], available: Sequence[int]) -> Capacity:
    """The cache of a model whose ranks have so many bytes each: the least of them decides.

    Nothing is cached: no tokens, and no limit that would be told in requests. Raises UnknownLayout
    when the longest length is not known.
    """
    first = layouts[0]
    if first.empty:
        return Capacity(0, 0, 0.0)
    length = first.length
    if first.deployment.fit_max_model_len:
        pairs = zip(layouts, available, strict=True)
        length = min(length, *(layout.longest(size) for layout, size in pairs))
    if length <= 0:
        raise UnknownLayout("the longest request of the model is not known")
    blocks = min(layout.blocks(size) for layout, size in zip(layouts, available, strict=True))
    concurrency = blocks / first.blocks_of(length)
    if numbers(first.deployment.release) >= _TOKENS_OF_REQUESTS:
        return Capacity(blocks, int(concurrency * length), concurrency)
    tokens = blocks // len(first.groups) * min(group.block for group in first.groups)
    spread = first.deployment.decode_context_parallel * first.deployment.prefill_context_parallel
    return Capacity(blocks, tokens * spread, concurrency)


def _is_hybrid(shape: Shape, deployment: Deployment) -> bool:
    """Whether kinds of layers have blocks of their own (`config/vllm.py`)."""
    chunked = any(isinstance(item, Heads) and item.chunk for item in shape.everything)
    if chunked and (shape.drafts or numbers(deployment.release) < _CHUNKS_APART):
        return False
    return deployment.hybrid_kv_cache


def _names(
    shape: Shape, every: dict[Name, Spec], deployment: Deployment, stage: int
) -> frozenset[Name]:
    """The caches on a stage; those of drafts are on the last."""
    count, ranks = len(shape.layers), deployment.pipeline_parallel
    try:
        run = stages(count, ranks, deployment.pp_layer_partition)[stage]
    except ValueError as why:
        raise UnknownLayout(f"VLLM_PP_LAYER_PARTITION: {why}") from why
    last = stage == ranks - 1
    return frozenset(name for name in every if name[0] in run or (last and name[0] >= count))


def _kind(group: Group) -> Kind:
    return next(iter(group.members.values())).kind


def _shards(group: Group) -> int:
    return next(iter(group.members.values())).shards


def _last(most: int, holds: Callable[[int], bool]) -> int:
    """The last of 1 to ``most`` that holds, where every smaller one does too; 0 for none."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low
