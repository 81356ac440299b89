"""Layers of latent attention (MLA), dense and sparse.

vLLM 0.32.0: `model_executor/models/deepseek_v2.py` (which layers have an index),
`model_executor/layers/attention/mla_attention.py` (what is kept).
"""

from typing import Final

from mixvllm.vllm.memory.attention import layer_count
from mixvllm.vllm.memory.layer import Index, Latent, Layer
from mixvllm.vllm.memory.part import Part
from mixvllm.vllm.memory.unknown import UnknownLayout

# transformers' class halves the layers of LongCat into pairs of attention.
_PAIRED: Final = frozenset({"longcat_flash"})


def latent(part: Part) -> Latent:
    """What a layer keeps of a token."""
    rope = part.get("qk_rope_head_dim")
    if not isinstance(rope, int) or isinstance(rope, bool) or rope < 0:
        raise UnknownLayout(f"config.json of {part.family} has no number for qk_rope_head_dim")
    return Latent(part.number("kv_lora_rank"), rope, sparse=is_sparse(part))


def is_sparse(part: Part) -> bool:
    """Whether an index chooses the tokens that are attended."""
    return part.optional("index_topk") is not None


def latent_layers(part: Part) -> tuple[tuple[Layer, ...], ...]:
    """One entry a layer."""
    kept = latent(part)
    if part.family in _PAIRED:
        return ((kept, kept),) * part.number("num_layers")
    count = layer_count(part)
    if part.family == "deepseek_v32" and not kept.sparse:
        raise UnknownLayout("config.json of deepseek_v32 has no index_topk")
    if not kept.sparse:
        return ((kept,),) * count
    index = Index(part.number("index_head_dim"))
    return tuple((index, kept) if has else (kept,) for has in _indexed(part, count))


def _indexed(part: Part, count: int) -> tuple[bool, ...]:
    """Which layers choose for themselves; the others take the choice of one before."""
    pattern = part.get("index_topk_pattern")
    if isinstance(pattern, str | list):
        marks = [pattern[place] if place < len(pattern) else "" for place in range(count)]
        return tuple(mark != "S" for mark in marks)
    every = part.optional("index_topk_freq") or 1
    offset = part.get("index_skip_topk_offset")
    ahead = offset if isinstance(offset, int) else 2
    return tuple(max(place - ahead + 1, 0) % every == 0 for place in range(count))
