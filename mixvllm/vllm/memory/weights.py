"""How many bytes of a model's weights each card holds.

The tensors of a checkpoint are put where vLLM puts them: to a stage of the pipeline by the number
of their layer, to the cards of a stage as :mod:`mixvllm.vllm.memory.shards` tells. What vLLM adds
(padding, copies, tables) and what it leaves out (a second output matrix, drafting layers) is
counted as its sources do it (0.32.0). Quantised checkpoints need no arithmetic of their own:
packed weights, scales and zeros are tensors too.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mixvllm.vllm.checkpoint.config import ModelConfig, whole
from mixvllm.vllm.checkpoint.tensors import Tensor
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.extras import extra_bytes, mxfp4_growth, rotary_bytes
from mixvllm.vllm.memory.shards import Place, Shard, Split, shard_of
from mixvllm.vllm.memory.stages import has_embedding_everywhere, has_output_everywhere, stages

_NUMBER: Final = re.compile(r"\.(\d{1,9})(?=\.|$)")
_FLOATS: Final = frozenset({"F16", "BF16", "F32", "F64"})
_BYTES: Final[Mapping[str, int]] = {"float16": 2, "bfloat16": 2, "float32": 4}
_PADDED_TO: Final = 64  # rows of a vocabulary (`vocab_parallel_embedding.py`)
# Bits of a weight that is quantised while it is loaded (0.32.0, `quantization/online`).
_ONLINE: Final[Mapping[str, float]] = {
    "fp8": 8, "fp8_per_tensor": 8, "fp8_per_block": 8, "fp8_per_channel": 8, "experts_int8": 8,
    "int8_per_channel_weight_only": 8, "nvfp4_per_token": 4.5,
}  # fmt: skip
# Families whose encoders are cut by tensor parallelism, and not on every card whole.
_CUT_ENCODERS: Final = (
    "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5", "internvl", "llava", "gemma3", "glm4v",
    "paligemma", "llama4",
)  # fmt: skip


class UnknownWeights(Exception):
    """What a rank holds cannot be told. The text is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class RankWeights:
    """The weights of one rank, in bytes."""

    stage: int  # of the pipeline
    rank: int  # in the stage: of tensor parallelism
    size: int  # on the card
    offloaded: int = 0  # in the host's memory (--cpu-offload-gb)
    unplaced: tuple[str, ...] = ()  # names (numbers as #) counted whole: nothing is known of them


@dataclass(frozen=True, slots=True)
class _Kind:
    """Tensors that are alike but for their layer and expert, with how many each layer has."""

    template: str
    dtype: str
    shape: tuple[int, ...]
    size: int
    shard: Shard
    counts: Mapping[int, int]  # layer (-1: none) -> tensors


def weights_per_rank(
    tensors: Sequence[Tensor], config: ModelConfig, deployment: Deployment
) -> tuple[RankWeights, ...]:
    """The weights on each rank of one replica, stage by stage. Raises UnknownWeights.

    Args:
        tensors: of the model; a draft model is a call of its own.
        config: the model's.
        deployment: how it is to be run.
    """
    _refuse(tensors, config, deployment)
    layers = whole(config.text.get("num_hidden_layers"))
    kinds = tuple(_kinds(tensors))
    tied = _is_tied(config, kinds)
    ranks = []
    for stage, here in enumerate(_stages(layers, deployment)):
        held = tuple(_held(kinds, config, deployment, stage, here, tied=tied))
        unplaced = _unplaced(held) if deployment.tensor_parallel > 1 else ()
        for rank in range(deployment.tensor_parallel):
            size = rotary_bytes(config, deployment)
            in_layers = 0
            for kind, count in held:
                part = round(_bytes(kind, count, rank, config, deployment))
                part += extra_bytes(kind.template, kind.shape, kind.dtype, deployment) * count
                size += part
                in_layers += part if kind.shard.place is Place.LAYER else 0
            offloaded = min(deployment.cpu_offload_bytes, in_layers)
            ranks.append(RankWeights(stage, rank, size - offloaded, offloaded, unplaced))
    return tuple(ranks)


def _stages(layers: int | None, deployment: Deployment) -> tuple[range, ...]:
    if layers is None and deployment.pipeline_parallel > 1:
        raise UnknownWeights("config.json does not say how many layers there are to deal out")
    if deployment.pipeline_parallel == 1:
        return (range(layers or 0),)
    try:
        return stages(layers or 0, deployment.pipeline_parallel, deployment.pp_layer_partition)
    except ValueError as why:
        raise UnknownWeights(f"VLLM_PP_LAYER_PARTITION={why}") from None


def _refuse(tensors: Sequence[Tensor], config: ModelConfig, deployment: Deployment) -> None:
    if not tensors:
        raise UnknownWeights("no tensors are known")
    if deployment.dtype not in _BYTES:
        raise UnknownWeights(f"the size of dtype {deployment.dtype} is not known")
    method = deployment.quantization
    if method in ("gguf", "bitsandbytes") or config.quantization_method in ("gguf", "bitsandbytes"):
        raise UnknownWeights(
            f"what {method or config.quantization_method} makes of the weights is not known"
        )
    if method and config.quantization is None and method not in _ONLINE:
        raise UnknownWeights(
            f"the checkpoint is not quantised, and what {method} would make of it is not known"
        )


def _kinds(tensors: Iterable[Tensor]) -> Iterator[_Kind]:
    """The tensors, alike ones together: 36,000 are some thirty kinds."""
    alike: dict[tuple[str, str, tuple[int, ...], int], Counter[int]] = {}
    for tensor in tensors:
        words = _NUMBER.split(tensor.name)
        template = ".#".join(words[::2])
        where = shard_of(template).layer
        layer = -1 if where is None else int(words[2 * where + 1])
        key = (template, tensor.dtype, tensor.shape, tensor.size)
        if key not in alike:
            alike[key] = Counter()
        alike[key][layer] += 1
    for (template, dtype, shape, size), counts in alike.items():
        yield _Kind(template, dtype, shape, size, shard_of(template), counts)


def _is_tied(config: ModelConfig, kinds: Iterable[_Kind]) -> bool:
    """Whether the embedding is the output matrix too.

    What transformers takes for granted differs from class to class, so a file that does not say
    it is judged by whether it brings a matrix for the output.
    """
    for holder in (config.text, config.values):
        if isinstance(said := holder.get("tie_word_embeddings"), bool):
            return said
    return not any(_is_output(kind) for kind in kinds)


def _is_output(kind: _Kind) -> bool:
    return kind.shard.place is Place.END and kind.shard.split is Split.VOCABULARY


def _held(
    kinds: Iterable[_Kind],
    config: ModelConfig,
    deployment: Deployment,
    stage: int,
    here: range,
    *,
    tied: bool,
) -> Iterator[tuple[_Kind, int]]:
    """What a stage holds, and how many of each kind."""
    last = stage == deployment.pipeline_parallel - 1
    drafts = last and "mtp" in (deployment.speculative_method or "")
    layers = whole(config.text.get("num_hidden_layers"))
    family = _family(config)
    embeds = stage == 0 or (last and tied) or has_embedding_everywhere(family)
    ends = last or has_output_everywhere(family)
    for kind in kinds:
        everything = sum(kind.counts.values())
        match kind.shard.place:
            case Place.LAYER:
                yield kind, _in_layers(kind, here, layers, drafts=drafts)
            case Place.EMBEDDING if embeds:
                yield kind, everything
            case Place.END if ends:
                pooled = deployment.runner == "pooling"
                if not (_is_output(kind) and (tied or pooled)):
                    yield kind, everything
            case Place.ENCODER if not deployment.language_model_only:
                yield kind, everything
            case Place.DRAFT if drafts:
                yield kind, everything


def _in_layers(kind: _Kind, here: range, layers: int | None, *, drafts: bool) -> int:
    """How many of a kind are in a stage's layers; those beyond the last layer draft tokens."""
    if layers is None:
        return sum(kind.counts.values())
    count = sum(n for layer, n in kind.counts.items() if layer in here)
    beyond = sum(n for layer, n in kind.counts.items() if layer >= layers)
    return count + (beyond if drafts else 0)


def _family(config: ModelConfig) -> str:
    said = config.text.get("model_type")
    return said if isinstance(said, str) else config.model_type


def _bytes(
    kind: _Kind, count: int, rank: int, config: ModelConfig, deployment: Deployment
) -> float:
    """What so many tensors of a kind take on one rank."""
    size = count * _size(kind, config, deployment)
    ranks = deployment.tensor_parallel
    match kind.shard.split:
        case _ if kind.shard.place is Place.ENCODER and _whole_encoder(config, deployment):
            return size
        case Split.OUTPUT:
            return size / ranks if _elements(kind.shape) > 1 else size
        case Split.INPUT:
            return size / ranks if len(kind.shape) > 1 and 1 not in kind.shape else size
        case Split.KV:
            return size / min(ranks, config.kv_heads or ranks)
        case Split.FUSED:
            return size * _fused_share(config, ranks)
        case Split.VOCABULARY:
            rows = max(1, kind.shape[0]) if kind.shape else 1
            padded = -(-rows // _PADDED_TO) * _PADDED_TO
            return size * padded / rows / ranks
        case Split.EXPERT:
            growth = mxfp4_growth(kind.template, kind.shape, deployment)
            return _expert_bytes(kind, size, rank, deployment) * growth
        case _:
            return size


def _size(kind: _Kind, config: ModelConfig, deployment: Deployment) -> float:
    """Bytes of one tensor as vLLM keeps it: in the model's type, or quantised at the load."""
    elements = _elements(kind.shape)
    if kind.shard.matrix and kind.dtype in _FLOATS and config.quantization is None:
        only_experts = deployment.quantization == "experts_int8"
        if not only_experts or kind.shard.split is Split.EXPERT:
            bits = _ONLINE.get(deployment.quantization or "")
            if bits is not None:
                return elements * bits / 8
    if kind.template.endswith(".A_log"):
        return elements * 4  # whatever the model's type is
    plain = kind.template.endswith((".weight", ".bias")) or kind.shard.matrix
    if plain and kind.dtype in _FLOATS:
        return elements * _BYTES[deployment.dtype]
    return kind.size


def _elements(shape: tuple[int, ...]) -> int:
    return math.prod(shape)


def _fused_share(config: ModelConfig, ranks: int) -> float:
    """The part of a fused matrix of queries, keys and values that one rank holds."""
    heads, kv_heads = config.heads, config.kv_heads
    if not heads or not kv_heads:
        return 1 / ranks
    return (heads / ranks + 2 * max(1, kv_heads / ranks)) / (heads + 2 * kv_heads)


def _expert_bytes(kind: _Kind, size: float, rank: int, deployment: Deployment) -> float:
    """Experts are dealt out whole, the first ranks taking what is left over, or each is cut.

    Data parallelism takes part in both (0.32.0, `fused_moe/config.py`).
    """
    ranks = deployment.tensor_parallel * deployment.data_parallel
    ranks *= deployment.prefill_context_parallel
    stacked = "experts.#" not in kind.template
    if not deployment.expert_parallel:
        cut = stacked or len(kind.shape) > 1
        return size / ranks if cut else size
    experts = kind.shape[0] if stacked and kind.shape else 0
    if not stacked:
        experts = max(kind.counts.values())
    if not experts:
        return size
    mine = experts // ranks + (rank < experts % ranks)
    return size * mine / experts


def _whole_encoder(config: ModelConfig, deployment: Deployment) -> bool:
    return deployment.mm_encoder_tp_mode == "data" or not config.model_type.startswith(
        _CUT_ENCODERS
    )


def _unplaced(held: Iterable[tuple[_Kind, int]]) -> tuple[str, ...]:
    return tuple(
        sorted({kind.template for kind, n in held if n and kind.shard.split is Split.UNKNOWN})
    )
