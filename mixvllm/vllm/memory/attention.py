"""Layers of keys and values, as vLLM's models build them from a configuration.

Facts of vLLM 0.32.0: `model_executor/models/*.py`, `model_arch_config_convertor.py` (heads and
their size), `engine/arg_utils.py` (a window for the whole model), transformers 5.19.0 (which
layers slide when config.json does not list them).
"""

from collections.abc import Sequence
from typing import Final

from mixvllm.vllm.checkpoint.config import whole
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.layer import Heads, Layer
from mixvllm.vllm.memory.part import Part
from mixvllm.vllm.memory.unknown import UnknownLayout
from mixvllm.vllm.table import numbers

FULL: Final = "full_attention"
SLIDING: Final = "sliding_attention"
CHUNKED: Final = "chunked_attention"
# A layer of Cohere's sees its window and itself: vLLM counts that token since 0.29.
_COHERE_COUNTS_ITSELF: Final = (0, 29, 0)
# Families whose own names for a configuration's numbers transformers translates.
_HIDDEN: Final = ("hidden_size", "n_embd", "n_embed", "d_model")
_LAYERS: Final = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_HEADS: Final = ("num_attention_heads", "n_head", "n_heads")
_KV_HEADS: Final = (
    "n_head_kv", "num_kv_heads", "num_key_value_heads", "multi_query_group_num",
    "num_attention_groups",
)  # fmt: skip
# Families that slide on some layers; the rest slide on all or on none.
INTERLEAVED: Final = frozenset({
    "gemma2", "gemma3_text", "gemma3n_text", "gemma4_text", "gpt_oss", "cohere2", "exaone4",
    "olmo3", "afmoe", "vaultgemma", "exaone_moe",
})  # fmt: skip
_SLIDE_WHEN_ASKED: Final = frozenset({
    "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "qwen2_vl", "qwen2_vl_text", "qwen2_5_vl",
    "qwen2_5_vl_text", "qwen2_5_omni_text", "qwen3_omni_moe_text", "smollm3",
})  # fmt: skip
_NEVER_SLIDE: Final = frozenset({"minimax_m2", "dots1"})


def layer_count(part: Part) -> int:
    """Decoder layers of the model."""
    return part.number(*_LAYERS)


def heads(part: Part) -> Heads:
    """The heads of an ordinary attention layer."""
    count = part.number(*_HEADS)
    kept = _kept_heads(part, count)
    size = part.stated("head_dim", "hidden_size_per_head", "attention_head_dim")
    if size is None:
        size = part.number(*_HIDDEN) // count
    return Heads(kept, size, size)


def _kept_heads(part: Part, count: int) -> int:
    if part.family in ("falcon", "RefinedWeb", "RefinedWebModel"):
        grouped = part.get("new_decoder_architecture") is True
        # transformers' class: multi_query is on unless it is said to be off.
        if not grouped and part.get("multi_query") is not False:
            return 1
    if part.family == "gpt_bigcode" and part.get("multi_query") is not False:
        return 1
    if part.family == "chatglm" and part.get("multi_query_attention") is not True:
        return count
    if part.family in ("dbrx", "mpt"):
        inner = part.get("attn_config")
        kept = whole(inner.get("kv_n_heads")) if isinstance(inner, dict) else None
        return count if kept is None else kept
    return part.stated(*_KV_HEADS) or count


def attention_layers(part: Part, deployment: Deployment) -> tuple[tuple[Layer, ...], ...]:
    """One entry a layer, for models that only attend."""
    plain = heads(part)
    count = layer_count(part)
    if part.get("use_cla") is True:
        raise UnknownLayout(f"which layers of {part.family} share a cache (use_cla) is not known")
    if part.family in INTERLEAVED:
        return _interleaved(part, plain, layer_types(part, count), deployment)
    if others := set(part.words("layer_types") or ()) - {FULL, SLIDING}:
        raise UnknownLayout(f"layers of kind {min(others)!r} in {part.family} are not known")
    window = _window_of_all(part, count)
    if isinstance(window, int):
        return ((_sliding(plain, window),),) * count
    return tuple((plain,) if wide is None else (_sliding(plain, wide),) for wide in window)


def _sliding(plain: Heads, window: int) -> Heads:
    return Heads(plain.count, plain.key, plain.value, window=window)


def _window_of_all(part: Part, count: int) -> int | Sequence[int | None]:
    """The window of every layer, or of each.

    vLLM gives a model's window to all its layers, unless the configuration lists their types.
    Qwen's classes forget a window that `use_sliding_window` does not turn on.
    """
    window = part.optional("sliding_window")
    if window is None or part.family in _NEVER_SLIDE:
        return (None,) * count
    listed = part.words("layer_types")
    if listed is None and part.family in _SLIDE_WHEN_ASKED:
        if part.get("use_sliding_window") is not True:
            return (None,) * count
        first = part.optional("max_window_layers") or 0
        listed = tuple(FULL if index < first else SLIDING for index in range(count))
    if listed is None:
        return window
    return tuple(window if kind == SLIDING else None for kind in _as_long(part, listed, count))


def layer_types(part: Part, count: int) -> tuple[str, ...]:
    """The kind of each layer: as listed, or by the family's pattern."""
    if (listed := part.words("layer_types")) is not None:
        return _as_long(part, listed, count)
    pattern = part.get("sliding_window_pattern")
    if not isinstance(pattern, int) and part.family != "afmoe":
        raise UnknownLayout(f"which layers of {part.family} slide is not listed in config.json")
    every = part.number("sliding_window_pattern")
    return tuple(SLIDING if (index + 1) % every else FULL for index in range(count))


def _as_long(part: Part, listed: tuple[str, ...], count: int) -> tuple[str, ...]:
    if len(listed) < count:
        raise UnknownLayout(
            f"config.json of {part.family} lists {len(listed)} layer_types for {count} layers"
        )
    return listed[:count]


def _interleaved(
    part: Part, plain: Heads, kinds: tuple[str, ...], deployment: Deployment
) -> tuple[tuple[Layer, ...], ...]:
    window = part.number("sliding_window") if SLIDING in kinds else 0
    if part.family == "cohere2" and numbers(deployment.release) >= _COHERE_COUNTS_ITSELF:
        window += 1
    if part.family == "gemma4_text":
        if kinds[-1] != FULL:
            kinds = (*kinds[:-1], FULL)
        wide = part.number("global_head_dim")
        grouped = part.get("attention_k_eq_v") is True
        kept = (part.optional("num_global_key_value_heads") if grouped else None) or plain.count
        full = Heads(kept, wide, wide)
        if part.get("use_bidirectional_attention") == "all":
            window = window // 2 + 1
    else:
        full = plain
    shared = part.optional("num_kv_shared_layers") or 0
    own = len(kinds) - shared if part.family in ("gemma3n_text", "gemma4_text") else len(kinds)
    layers: list[tuple[Layer, ...]] = []
    for index, kind in enumerate(kinds):
        if index >= own:
            layers.append(())  # reads the cache of an earlier layer
        elif kind == SLIDING:
            layers.append((_sliding(plain, window),))
        elif kind == FULL:
            layers.append((full,))
        else:
            raise UnknownLayout(f"layers of kind {kind!r} in {part.family} are not known")
    return tuple(layers)


def step_layers(part: Part) -> tuple[tuple[Layer, ...], ...]:
    """Step 3.5: layers of one kind may have heads of their own, those that slide as a rule."""
    plain, count = heads(part), layer_count(part)
    kinds = _as_long(part, part.words("layer_types") or (), count)
    window, other, those = part.optional("sliding_window"), plain, None
    if isinstance(setting := part.get("attention_other_setting"), dict):
        theirs = Part("step3p5's attention_other_setting", setting)
        size = theirs.number("head_dim")
        other, those = (
            Heads(theirs.number("num_attention_groups"), size, size),
            (setting.get("attention_type")),
        )
    own = (other if kind == those else plain for kind in kinds)
    return tuple(
        (_sliding(held, window) if window is not None and kind == SLIDING else held,)
        for held, kind in zip(own, kinds, strict=True)
    )


def llama4_layers(part: Part) -> tuple[tuple[Layer, ...], ...]:
    """Llama 4: layers with rotary positions stay within chunks, the others see everything."""
    plain = heads(part)
    chunk = part.optional("attention_chunk_size")
    count = layer_count(part)
    ropes = part.get("no_rope_layers")
    if not (isinstance(ropes, list) and ropes):
        every = part.optional("no_rope_layer_interval") or 4
        ropes = [int((index + 1) % every != 0) for index in range(count)]
    if len(ropes) < count:
        raise UnknownLayout(f"config.json lists {len(ropes)} no_rope_layers for {count} layers")
    local = Heads(plain.count, plain.key, plain.value, chunk=chunk)
    return tuple((plain if rope == 0 else local,) for rope in ropes[:count])
