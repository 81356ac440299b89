"""Which layers keep a state: Mamba 1 and 2, delta nets, linear attention, short convolutions.

vLLM 0.32.0, `model_executor/models/*.py`, and transformers 5.19.0 where config.json does not list
the layers.
"""

from collections.abc import Callable, Mapping
from typing import Final

from mixvllm.vllm.memory.attention import FULL, heads, layer_count
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.latent import latent
from mixvllm.vllm.memory.layer import Heads, Layer, State
from mixvllm.vllm.memory.part import Part
from mixvllm.vllm.memory.state_size import (
    convolution_bytes,
    delta_net,
    looks_ahead,
    mamba_1,
    mamba_2,
    own_share,
    state_types,
)
from mixvllm.vllm.memory.unknown import UnknownLayout
from mixvllm.vllm.table import numbers

# Nemotron-H keeps its state in 32 bits unless its configuration says otherwise, since 0.13.
_NEMOTRON_32_BIT: Final = (0, 13, 0)


def state_layers(part: Part, deployment: Deployment) -> tuple[tuple[Layer, ...], ...]:
    """One entry a layer, for models of which some layers keep a state."""
    return _READERS[part.family](part, deployment)


def _kinds(part: Part, count: int, *keys: str) -> tuple[str, ...] | None:
    for key in keys:
        if (listed := part.words(key)) is not None:
            if len(listed) < count:
                raise UnknownLayout(f"config.json lists {len(listed)} {key} for {count} layers")
            return listed[:count]
    return None


def _qwen(part: Part, deployment: Deployment) -> tuple[tuple[Layer, ...], ...]:
    """Qwen3-Next and Qwen3.5: gated delta nets, every fourth layer attends."""
    asked = part.get("mamba_ssm_dtype")
    recurrent = asked if isinstance(asked, str) and part.family != "qwen3_next" else "auto"
    count = layer_count(part)
    kinds = _kinds(part, count, "layer_types")
    if kinds is None:
        every = part.number("full_attention_interval")
        kinds = tuple("" if (place + 1) % every else FULL for place in range(count))
    full, state = heads(part), delta_net(part, deployment, recurrent)
    return tuple((full,) if kind == FULL else (state,) for kind in kinds)


def _olmo_hybrid(part: Part, deployment: Deployment) -> tuple[tuple[Layer, ...], ...]:
    kinds = _kinds(part, layer_count(part), "layer_types")
    if kinds is None:
        raise UnknownLayout("config.json lists no layer_types")
    full, state = heads(part), delta_net(part, deployment)
    return tuple((full,) if kind == FULL else (state,) for kind in kinds)


def _jamba(part: Part, deployment: Deployment) -> tuple[tuple[Layer, ...], ...]:
    inner = part.number("mamba_expand") * part.number("hidden_size")
    state = mamba_1(deployment, inner, part.number("mamba_d_state"), part.number("mamba_d_conv"))
    period, offset = part.number("attn_layer_period"), part.get("attn_layer_offset")
    count = layer_count(part)
    full = heads(part)
    return tuple((full,) if place % period == offset else (state,) for place in range(count))


def _granite(part: Part, deployment: Deployment) -> tuple[tuple[Layer, ...], ...]:
    """Granite 4 and Bamba: Mamba 2, a few layers attend."""
    inner = part.number("mamba_expand") * part.number("hidden_size")
    count = layer_count(part)
    kinds = _kinds(part, count, "layer_types", "layers_block_type")
    if kinds is None:
        places = part.get("attn_layer_indices")
        if not isinstance(places, list):
            raise UnknownLayout(f"which layers of {part.family} attend is not in config.json")
        kinds = tuple("attention" if place in places else "" for place in range(count))
    full = heads(part)
    if all(kind in ("attention", FULL) for kind in kinds):
        return ((full,),) * count
    if not {"attention", FULL} & set(kinds):
        raise UnknownLayout(f"a {part.family} without a layer that attends")
    state = _mamba_2_of_heads(part, deployment, inner)
    return tuple((full,) if kind in ("attention", FULL) else (state,) for kind in kinds)


def _mamba_2_of_heads(part: Part, deployment: Deployment, inner: int) -> Layer:
    """As the configurations that speak of `mamba_n_heads` describe it."""
    count = part.number("mamba_n_heads")
    return mamba_2(
        part,
        deployment,
        inner=inner,
        groups=part.number("mamba_n_groups"),
        count=count,
        size=part.optional("mamba_d_head") or inner // count,
        state=part.number("mamba_d_state"),
        kernel=part.number("mamba_d_conv"),
    )


def _falcon_h1(part: Part, deployment: Deployment) -> tuple[tuple[Layer, ...], ...]:
    """Every layer has both."""
    inner = part.optional("mamba_d_ssm") or (
        part.number("mamba_expand") * part.number("hidden_size")
    )
    state = _mamba_2_of_heads(part, deployment, inner)
    return ((state, heads(part)),) * layer_count(part)


def _zamba2(part: Part, deployment: Deployment) -> tuple[tuple[Layer, ...], ...]:
    """Every layer keeps a state. Those that attend share their weights, and no cache."""
    if deployment.pipeline_parallel > 1:
        raise UnknownLayout("vLLM refuses zamba2 in stages")
    kinds = _kinds(part, layer_count(part), "layers_block_type")
    if kinds is None:
        raise UnknownLayout("which layers of zamba2 attend is not in config.json")
    hidden, count = part.number("hidden_size"), part.number("n_mamba_heads")
    inner = part.number("mamba_expand") * hidden
    state = mamba_2(
        part,
        deployment,
        inner=inner,
        groups=part.number("mamba_ngroups"),
        count=count,
        size=inner // count,
        state=part.number("mamba_d_state"),
        kernel=part.number("mamba_d_conv"),
    )
    attending = part.number("num_attention_heads")
    size = 2 * hidden // attending
    full = Heads(attending, size, size)
    return tuple((full, state) if kind == "hybrid" else (state,) for kind in kinds)


def _nemotron_h(part: Part, deployment: Deployment) -> tuple[tuple[Layer, ...], ...]:
    pattern = part.get("hybrid_override_pattern")
    listed = part.words("layers_block_type")
    marks: tuple[str, ...]
    if isinstance(pattern, str):
        marks = tuple(pattern)
    elif listed is not None:
        marks = tuple(_NEMOTRON.get(kind, kind) for kind in listed)
    else:
        raise UnknownLayout("config.json has no hybrid_override_pattern")
    if unknown := set(marks) - {"M", "*", "-", "E"}:
        raise UnknownLayout(f"layers of kind {min(unknown)!r} in nemotron_h are not known")
    asked = part.get("mamba_ssm_cache_dtype")
    recurrent = asked if isinstance(asked, str) else "float32"
    if numbers(deployment.release) < _NEMOTRON_32_BIT:
        recurrent = "auto"
    count, size = part.number("mamba_num_heads"), part.number("mamba_head_dim")
    state = mamba_2(
        part,
        deployment,
        inner=count * size,
        groups=part.number("n_groups", "mamba_n_groups"),
        count=count,
        size=size,
        state=part.number("ssm_state_size"),
        kernel=part.number("conv_kernel", "mamba_d_conv"),
        recurrent=recurrent,
    )
    if (window := part.optional("sliding_window")) is not None:
        raise UnknownLayout(f"attention layers of nemotron_h with a window of {window}")
    caches: dict[str, tuple[Layer, ...]] = {"M": (state,), "*": (heads(part),)}
    return tuple(caches.get(mark, ()) for mark in marks)


def _lfm2(part: Part, deployment: Deployment) -> tuple[tuple[Layer, ...], ...]:
    count = layer_count(part)
    kinds = _kinds(part, count, "layer_types")
    if kinds is None:
        places = part.get("full_attn_idxs")
        if not isinstance(places, list):
            raise UnknownLayout("which layers of lfm2 attend is not in config.json")
        kinds = tuple(FULL if place in places else "conv" for place in range(count))
    small = convolution_bytes(deployment)
    width = part.optional("conv_dim") or part.number("hidden_size")
    state = State(own_share(width, deployment) * (part.number("conv_L_cache") - 1) * small)
    full = heads(part)
    return tuple((full,) if kind == FULL else (state,) for kind in kinds)


def _minimax(part: Part, deployment: Deployment) -> tuple[tuple[Layer, ...], ...]:
    """MiniMax-01 and M1: lightning attention, every eighth layer attends."""
    count = layer_count(part)
    listed = part.get("attn_type_list")
    kinds = _kinds(part, count, "layer_types")
    if isinstance(listed, list) and len(listed) >= count:
        attends = [kind == 1 for kind in listed[:count]]
    elif kinds is not None:
        attends = [kind == FULL for kind in kinds]
    else:
        raise UnknownLayout(f"which layers of {part.family} attend is not in config.json")
    full = heads(part)
    small = convolution_bytes(deployment)
    own = own_share(part.number("num_attention_heads"), deployment)
    state = State(own * full.key * full.key * small)
    return tuple((full,) if attend else (state,) for attend in attends)


def _kimi_linear(part: Part, deployment: Deployment) -> tuple[tuple[Layer, ...], ...]:
    inner = part.get("linear_attn_config")
    if not isinstance(inner, dict):
        raise UnknownLayout("config.json of kimi_linear has no linear_attn_config")
    linear = Part("kimi_linear's linear_attn_config", inner)
    delta = inner.get("kda_layers")
    if not isinstance(delta, list):
        raise UnknownLayout("config.json of kimi_linear lists no kda_layers")
    small, large = state_types(deployment, "float32")
    count, size = linear.number("num_heads"), linear.number("head_dim")
    length = linear.number("short_conv_kernel_size") - 1 + looks_ahead(deployment)
    state = State(
        own_share(3 * count * size, deployment) * length * small
        + own_share(count, deployment) * size * size * large,
        # The backend of a prefill decides on it, and with it the card.
        checkpoint=False,
    )
    kept = latent(part)
    return tuple((state,) if place + 1 in delta else (kept,) for place in range(layer_count(part)))


def _mamba(part: Part, deployment: Deployment) -> tuple[tuple[Layer, ...], ...]:
    inner = part.optional("intermediate_size") or (
        part.number("expand") * part.number("hidden_size")
    )
    state = mamba_1(deployment, inner, part.number("state_size"), part.number("conv_kernel"))
    return ((state,),) * layer_count(part)


def _mamba2(part: Part, deployment: Deployment) -> tuple[tuple[Layer, ...], ...]:
    state = mamba_2(
        part,
        deployment,
        inner=part.number("expand") * part.number("hidden_size"),
        groups=part.number("n_groups"),
        count=part.number("num_heads"),
        size=part.number("head_dim"),
        state=part.number("state_size"),
        kernel=part.number("conv_kernel"),
    )
    return ((state,),) * layer_count(part)


_NEMOTRON: Final = {
    "mamba": "M", "linear_attention": "M", "attention": "*", FULL: "*", "mlp": "-", "moe": "E",
}  # fmt: skip
_Reader = Callable[[Part, Deployment], tuple[tuple[Layer, ...], ...]]
_READERS: Final[Mapping[str, _Reader]] = {
    "qwen3_next": _qwen, "qwen3_5_text": _qwen, "qwen3_5_moe_text": _qwen,
    "olmo_hybrid": _olmo_hybrid, "jamba": _jamba, "granitemoehybrid": _granite, "bamba": _granite,
    "falcon_h1": _falcon_h1, "nemotron_h": _nemotron_h, "lfm2": _lfm2, "lfm2_moe": _lfm2,
    "minimax": _minimax, "minimax_text_01": _minimax, "minimax_m1": _minimax,
    "kimi_linear": _kimi_linear, "mamba": _mamba, "falcon_mamba": _mamba, "mamba2": _mamba2,
    "zamba2": _zamba2,
}  # fmt: skip
FAMILIES: Final = frozenset(_READERS)
