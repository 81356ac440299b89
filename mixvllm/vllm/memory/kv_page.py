"""How many tokens go into a block, and how large a block is: what a release makes of a shape.

A state does not grow with the tokens, so in models that have both, blocks of attention are made
long enough to be as large as a state, and states are padded to the same size. vLLM 0.32.0,
`platforms/interface.py` (`_align_hybrid_block_size`), `platforms/cpu.py`; before 0.20,
`model_executor/models/config.py`.
"""

from math import lcm
from typing import Final

from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.kv_spec import Kind, Name, Spec
from mixvllm.vllm.memory.kv_type import head_bytes, is_turboquant, latent_bytes
from mixvllm.vllm.memory.layer import (
    Cross,
    Heads,
    Index,
    Latent,
    Layer,
    Packed,
    Shape,
    State,
)
from mixvllm.vllm.memory.part import Part
from mixvllm.vllm.memory.runner import uses_second_runner
from mixvllm.vllm.memory.unknown import UnknownLayout
from mixvllm.vllm.table import numbers

_BLOCK: Final = 16
_BLOCK_ON_CPU: Final = 128
# Of latent attention: FLASHMLA, and what most other backends take. Some take 16, 32 or 128, which
# moves a forecast by less than a block a request.
_LATENT_BLOCK: Final = 64
_LATENT_BLOCK_ON_CPU: Final = 16
_INDEX_SCALE: Final = 4  # bytes of the scale beside an index's fp8 key
_KERNEL: Final = 16  # tokens that an attention kernel takes at a time
_KERNEL_ON_CPU: Final = 32
# Frees of a batch in flight come late: their tokens are held beside the window's.
_IN_FLIGHT: Final = (0, 26, 0)
_BY_PLATFORM: Final = (0, 20, 0)  # blocks are aligned to the block size that was chosen
_LATENT_IN_128: Final = (0, 27, 0)
_PREFILL_CONTEXT: Final = (0, 26, 0)  # until then tokens were dealt to prefill ranks too
_ENCODER_BY_BATCH: Final = (0, 13, 0)
_WHISPER_FRAMES: Final = 1500
_TWO_TYPES_ALIGNED: Final = (0, 25, 0)


def specs(
    shape: Shape, part: Part, deployment: Deployment, *, kind: str, mode: str, flight: int
) -> dict[Name, Spec]:
    """The cache of every layer of the model.

    ``kind`` is the type it is kept in, ``mode`` how states are cached, ``flight`` the tokens in
    flight.
    """
    block = _block(shape, deployment)
    if is_turboquant(kind) and numbers(deployment.release) >= _TWO_TYPES_ALIGNED:
        block *= 2  # as long as makes it no smaller than a block of the layers that are spared
    state = max((item.bytes for item in shape.everything if isinstance(item, State)), default=0)
    padded = None
    chunk = deployment.mamba_block_size or part.optional("mamba_chunk_size", "chunk_size") or 2048
    if state and shape.attends:
        unit = max(
            _unit(item, kind, deployment)
            for item in shape.everything
            if not isinstance(item, State | Index)
        )
        block = _aligned(block, unit, state, shape, deployment, chunk if mode == "all" else None)
        padded = block * unit
    made: dict[Name, Spec] = {}
    for place, layer in enumerate((*shape.layers, *shape.drafts)):
        for number, item in enumerate(layer):
            made[place, number] = (
                _state(item, block, padded, deployment, mode)
                if isinstance(item, State)
                else _attention(item, block, kind, deployment, flight)
            )
    return made


def _block(shape: Shape, deployment: Deployment) -> int:
    latent = any(isinstance(item, Latent) for item in shape.everything)
    if deployment.device == "cpu":
        if latent:
            return _LATENT_BLOCK_ON_CPU
        return deployment.block_size or _BLOCK_ON_CPU
    return deployment.block_size or (_LATENT_BLOCK if latent else _BLOCK)


def _aligned(
    block: int, unit: int, state: int, shape: Shape, deployment: Deployment, chunk: int | None
) -> int:
    """The block of attention that is as large as a state."""
    release = numbers(deployment.release)
    latent = any(isinstance(item, Latent) for item in shape.everything)
    by_platform = release >= _BY_PLATFORM
    if deployment.device == "cpu" and not by_platform:
        raise UnknownLayout(f"hybrid models on the CPU of vLLM {deployment.release}")
    kernel = _KERNEL_ON_CPU if deployment.device == "cpu" else _KERNEL
    kernel = _LATENT_BLOCK if latent else kernel
    align = max(kernel, block) if by_platform else kernel
    if latent and release >= _LATENT_IN_128:
        align = max(align, 128)
    if chunk is not None:
        align = lcm(chunk, align)
    needed = align * -(-state // (align * unit))
    if by_platform or deployment.block_size is not None:
        needed = max(needed, block)
    return needed


def _unit(item: Layer, kind: str, deployment: Deployment) -> int:
    """Bytes of a token in a layer, on one rank."""
    match item:
        case Heads():
            return _own_heads(item.count, deployment) * head_bytes(item, kind, deployment)
        case Latent():
            return latent_bytes(item, kind, deployment)
        case Index():
            return item.size + _INDEX_SCALE
        case Cross():
            plain = Heads(item.count, item.size, item.size)
            return _own_heads(item.count, deployment) * head_bytes(plain, kind, deployment)
        case State():
            return item.bytes
        case Packed():
            return item.page // item.block


def _own_heads(count: int, deployment: Deployment) -> int:
    """A rank's heads of the cache: with more ranks than heads, each is kept several times."""
    ranks = deployment.tensor_parallel
    if (count % ranks) if count >= ranks else (ranks % count):
        raise UnknownLayout(f"vLLM refuses {count} KV heads on {ranks} tensor-parallel ranks")
    return max(1, count // ranks)


def _attention(item: Layer, block: int, kind: str, deployment: Deployment, flight: int) -> Spec:
    unit = _unit(item, kind, deployment)
    shards = deployment.decode_context_parallel
    if numbers(deployment.release) < _PREFILL_CONTEXT:
        shards *= deployment.prefill_context_parallel
    if isinstance(item, Packed):
        if shards > 1:
            raise UnknownLayout("context parallelism on compressed attention is not known")
        local = item.window is not None
        return Spec(
            Kind.SLIDING if local else Kind.FULL,
            item.block,
            unit,
            reach=(item.window or 0) - 1 + flight if local else 0,
            window=item.window or 0,
            padded=item.page,
            packed=True,
        )
    if isinstance(item, Cross):
        tokens = deployment.max_num_batched_tokens
        if numbers(deployment.release) < _ENCODER_BY_BATCH:
            tokens = _WHISPER_FRAMES
        return Spec(Kind.CROSS, block, unit, reach=tokens)
    if isinstance(item, Heads) and (item.window is not None or item.chunk is not None):
        if shards > 1:
            raise UnknownLayout("vLLM refuses context parallelism on layers with a window")
        if item.window is not None:
            reach = item.window - 1 + flight
            return Spec(Kind.SLIDING, block, unit, reach=reach, window=item.window)
        chunk = item.chunk or 0
        return Spec(Kind.CHUNKED, block, unit, reach=chunk + flight, window=chunk)
    return Spec(Kind.FULL, block, unit, shards=shards, latent=isinstance(item, Latent | Index))


def in_flight(deployment: Deployment, config: ModelConfig) -> int:
    """Tokens that are scheduled and not yet done with: a window's layer keeps them too."""
    batches = deployment.pipeline_parallel
    if numbers(deployment.release) < _IN_FLIGHT:
        batches = 1
    elif deployment.async_scheduling and (batches == 1 or uses_second_runner(deployment, config)):
        batches += 1
    return batches * deployment.max_num_batched_tokens


def _state(item: State, block: int, padded: int | None, deployment: Deployment, mode: str) -> Spec:
    release = numbers(deployment.release)
    further = deployment.speculative_tokens if deployment.speculative_method else 0
    if mode == "all":
        further = further if release >= (0, 22, 0) else 0
        return Spec(Kind.STATE, block, item.bytes, reach=further, padded=padded, every_block=True)
    if release < (0, 15, 0):
        further = 0
    held = 1 + further
    if mode == "align":
        held += 1 + item.checkpoint
    return Spec(Kind.STATE, block, item.bytes, reach=held, padded=padded)
