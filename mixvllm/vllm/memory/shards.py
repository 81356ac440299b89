"""How vLLM divides a tensor between cards, told from its name.

vLLM's own layers say it (0.32.0, `model_executor/layers/linear.py`, `vocab_parallel_embedding.py`,
`fused_moe/layer.py`): a matrix is cut along its output, along its input, by heads or by experts,
or it is on every card. Checkpoints name these layers after a few customs, and the names are what
is known without vLLM. A name that is not known is counted whole, on every card: the careful side.
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import pairwise
from typing import Final

_OUTPUT: Final = frozenset({
    "q_proj", "q_b_proj", "kv_b_proj", "gate_proj", "up_proj", "gate_up_proj", "w1", "w3", "wq",
    "wq_b", "wkv_b", "fc1", "c_fc", "fc_in", "dense_h_to_4h", "linear_fc1", "linear_1", "w13",
    "in_proj_qkvz", "in_proj_ba", "in_proj_qkv", "in_proj_z", "in_proj_a", "in_proj_b", "in_proj",
    "conv1d", "gate_up_proj_blocks", "gate_up_proj_scales", "gate_up_proj_bias", "g_proj",
})  # fmt: skip
_INPUT: Final = frozenset({
    "o_proj", "out_proj", "down_proj", "w2", "wo", "fc2", "c_proj", "fc_out", "dense_4h_to_h",
    "dense", "linear_fc2", "linear_2", "proj", "down_proj_blocks", "down_proj_scales",
})  # fmt: skip
_KV: Final = frozenset({"k_proj", "v_proj", "wk", "wv"})
_FUSED: Final = frozenset({"qkv_proj", "qkv", "wqkv", "Wqkv", "query_key_value", "c_attn"})
_HEADS: Final = frozenset({"A_log", "D", "dt_bias", "sinks"})
_VOCABULARY: Final = frozenset({
    "embed_tokens", "tok_embeddings", "wte", "word_embeddings", "embed_in", "embeddings",
    "embed_tokens_per_layer",
})  # fmt: skip
_HEAD: Final = frozenset({"lm_head", "embed_out", "output"})
# On every card, as its layer says: norms, routers, what feeds latent attention.
_WHOLE: Final = frozenset({
    "gate", "router", "shared_expert_gate", "q_a_proj", "kv_a_proj_with_mqa", "wq_a",
    "wkv_a_with_mqa", "down_proj_bias", "e_score_correction_bias", "wpe",
    "position_embeddings", "rotary_emb", "k_scale", "v_scale", "q_scale", "weights_proj",
})  # fmt: skip
_SINGLE: Final = frozenset({
    "input_scale", "weight_scale_2", "weight_global_scale", "input_global_scale",
})  # fmt: skip
# Of what vLLM makes none of its own tensors, or throws away once the weights are in their places.
_DROPPED: Final = frozenset({"g_idx", "weight_shape", "inv_freq"})
_NORM: Final = re.compile(r"norm|(^|_)ln(_|\d|$)")
# Parts of a name under which another encoder stands than the language model.
_ENCODER: Final = re.compile(
    r"^(visual|vision|vit|audio|image_|img_|multi_modal_projector|mm_projector|mlp1$|"
    r"patch_merger|aligner|speech|sound_)"
)
_STACKS: Final = frozenset({"layers", "h", "blocks", "block"})


class Split(Enum):
    """Between which cards a tensor is divided."""

    WHOLE = "on every card"
    OUTPUT = "by tensor parallelism"
    INPUT = "by tensor parallelism, but for what belongs to outputs: a bias, a scale"
    KV = "by the heads of keys and values"
    FUSED = "queries by heads, keys and values by theirs"
    VOCABULARY = "by the rows of a padded vocabulary"
    EXPERT = "by experts, or by tensor parallelism within each"
    UNKNOWN = "whole, as nothing is known"


class Place(Enum):
    """Which part of a model a tensor belongs to."""

    LAYER = "a layer of the language model"
    EMBEDDING = "the first stage, and the last where it is the output too"
    END = "the last stage"
    ENCODER = "an encoder of images or sound"
    DRAFT = "layers that draft tokens"
    DROPPED = "not kept"


@dataclass(frozen=True, slots=True)
class Shard:
    """What a tensor's name tells. ``layer`` is which of the name's numbers counts layers."""

    place: Place
    split: Split
    matrix: bool = False  # a linear layer's weight: online quantisation takes it
    layer: int | None = None


@cache
def shard_of(template: str) -> Shard:
    """Where tensors of a name belong, with every number in the name replaced by ``#``."""
    parts = template.split(".")
    leaf = parts[-1]
    named = [part for part in parts if part != "#"]
    module = named[-2] if len(named) > 1 and _is_leaf(leaf) else named[-1]
    encoder = any(_ENCODER.match(part) for part in parts)
    layer = None if encoder else _layer(parts)
    place = _place(parts, module, encoder=encoder, layered=layer is not None)
    split = _encoder_split(parts, module) if encoder else _split(parts, module, leaf)
    cut = split in (Split.OUTPUT, Split.INPUT, Split.KV, Split.FUSED, Split.EXPERT)
    matrix = cut and not encoder and module != "conv1d" and leaf in ("weight", module)
    return Shard(place, split, matrix, layer)


def _is_leaf(part: str) -> bool:
    """Whether a name's last part says what of a layer it is, and not which layer."""
    return not (part in _HEADS or part in _WHOLE or part.startswith(("gate_up_", "down_")))


def _layer(parts: list[str]) -> int | None:
    """Which of the numbers in a name counts the layers of the language model."""
    numbers = 0
    for before, part in pairwise(parts):
        if part == "#":
            if before in _STACKS:
                return numbers
            numbers += 1
    return None


def _place(parts: list[str], module: str, *, encoder: bool, layered: bool) -> Place:
    if parts[-1] in _DROPPED or module in _DROPPED:
        return Place.DROPPED
    if encoder:
        return Place.ENCODER
    if any(part.startswith("mtp") for part in parts):
        return Place.DRAFT
    if layered:
        # What drafts tokens takes the model's own embedding and output
        shared = module in _VOCABULARY or "shared_head" in parts
        return Place.DROPPED if shared else Place.LAYER
    return Place.EMBEDDING if module in _VOCABULARY else Place.END


def _split(parts: list[str], module: str, leaf: str) -> Split:
    single = leaf in _SINGLE or "indexer" in parts
    if single or module in _WHOLE or _NORM.search(module):
        return Split.WHOLE
    if "experts" in parts[:-1]:
        return Split.EXPERT
    if module in _VOCABULARY or module in _HEAD:
        return Split.VOCABULARY
    if module in _OUTPUT or module in _HEADS:
        return Split.OUTPUT
    known = {**dict.fromkeys(_INPUT, Split.INPUT), **dict.fromkeys(_KV, Split.KV)}
    return known.get(module) or (Split.FUSED if module in _FUSED else Split.UNKNOWN)


def _encoder_split(parts: list[str], module: str) -> Split:
    whole = any(part.startswith(("patch_embed", "pos", "mm_")) for part in parts)
    if whole or _NORM.search(module):
        return Split.WHOLE
    if module in _OUTPUT or module in _KV or module in _FUSED or module == "mlp":
        return Split.OUTPUT
    return Split.INPUT if module in _INPUT else Split.UNKNOWN
