"""What the layers of a model cache, told from its configuration.

Only what is certain: a family that is not listed here may slide, share or compress in ways that
config.json does not say, so it is not guessed at.
"""

from dataclasses import replace
from typing import Final

from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.memory.attention import (
    INTERLEAVED,
    attention_layers,
    heads,
    llama4_layers,
    step_layers,
)
from mixvllm.vllm.memory.compressed import compressed_layers
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.kv_type import is_turboquant
from mixvllm.vllm.memory.latent import latent_layers
from mixvllm.vllm.memory.layer import Cross, Heads, Layer, Shape
from mixvllm.vllm.memory.part import Part
from mixvllm.vllm.memory.state import FAMILIES as STATES
from mixvllm.vllm.memory.state import state_layers
from mixvllm.vllm.memory.unknown import UnknownLayout

# Every layer attends, to everything or to the model's one window (vLLM 0.32.0, models/*.py).
_PLAIN: Final = frozenset({
    "apertus", "arcee", "aquila", "baichuan", "bailing_moe", "bitnet", "bloom", "chatglm",
    "cohere", "codegen", "dbrx", "deepseek", "dots1", "ernie4_5", "ernie4_5_moe", "exaone",
    "falcon", "gemma", "glm", "glm4", "glm4_moe", "glm4v_moe_text", "glm4v_text", "gpt2",
    "gpt_bigcode", "gpt_neox", "gptj", "granite", "granitemoe", "granitemoeshared", "helium",
    "hunyuan_v1_dense", "hunyuan_v1_moe", "internlm2", "internlm3", "llama", "mimo", "minicpm",
    "minimax_m2", "ministral", "ministral3", "mistral", "mixtral", "mpt", "nemotron", "olmo",
    "olmo2", "olmoe", "opt", "orion", "persimmon", "phi", "phi3", "phi3_v", "phi4mm",
    "phi4_multimodal", "phimoe", "qwen", "qwen2", "qwen2_5_omni_text", "qwen2_5_vl",
    "qwen2_5_vl_text", "qwen2_moe", "qwen2_vl", "qwen2_vl_text", "qwen3", "qwen3_moe",
    "qwen3_omni_moe_text", "qwen3_vl_moe_text", "qwen3_vl_text", "RefinedWeb", "RefinedWebModel",
    "seed_oss", "smollm3", "solar", "stablelm", "starcoder2", "telechat3", "xverse",
})  # fmt: skip
# Mistral 4's own files, which vLLM prefers to config.json, call it deepseek_v3 (0.32.0,
# `transformers_utils/configs/mistral.py`).
_LATENT: Final = frozenset({
    "deepseek_v2", "deepseek_v3", "deepseek_v32", "glm4_moe_lite", "glm_moe_dsa", "kimi_k2",
    "longcat_flash", "mistral4",
})  # fmt: skip
# Their attention looks both ways and is done with a request at once: nothing is cached.
_ENCODERS: Final = frozenset({
    "bert", "roberta", "xlm-roberta", "modernbert", "nomic_bert", "new", "gte", "distilbert",
    "siglip", "clip", "camembert", "electra",
})  # fmt: skip
# Drafts that need no cache of their own.
_NO_DRAFT: Final = frozenset({"ngram", "ngram_gpu", "suffix", "medusa", "mlp_speculator"})
_SPARED: Final = 2  # layers at each end that TurboQuant leaves in the model's type


def shape_of(config: ModelConfig, deployment: Deployment, kind: str) -> tuple[Part, Shape]:
    """The language model's part of a configuration and what its layers cache in a type of cache.

    Raises UnknownLayout.
    """
    part = Part.of(config)
    layers = _layers(part, deployment, kind)
    if not deployment.sliding_window:
        layers = tuple(tuple(map(_without_window, layer)) for layer in layers)
    shape = Shape(layers, _drafts(part, layers, deployment))
    if is_turboquant(kind):
        if any(not isinstance(item, Heads) for item in shape.everything):
            raise UnknownLayout(f"{kind} on layers that are no ordinary attention is not known")
        count = min(_SPARED, len(layers) // 2)
        ends = (*range(count), *range(len(layers) - count, len(layers)))
        shape = replace(shape, layers=_in_own_type(layers, frozenset(ends)))
    return part, shape


def _layers(part: Part, deployment: Deployment, kind: str) -> tuple[tuple[Layer, ...], ...]:
    family = part.family
    if family in _PLAIN or family in INTERLEAVED:
        if part.optional("kv_lora_rank") is not None:
            raise UnknownLayout(f"{family} with latent attention (kv_lora_rank) is not known")
        return attention_layers(part, deployment)
    if family in _LATENT:
        # DeepSeek-V2's class also runs what has keys and values.
        if part.optional("kv_lora_rank") is None:
            raise UnknownLayout(f"{family} without latent attention is not known")
        return latent_layers(part)
    if family in STATES:
        return state_layers(part, deployment)
    if family == "deepseek_v4":
        return compressed_layers(part, deployment, kind)
    if family == "llama4_text":
        return llama4_layers(part)
    if family == "step3p5":
        return step_layers(part)
    if family == "whisper":
        return _whisper(part)
    if family in _ENCODERS:
        return ()
    raise UnknownLayout(f"what a layer of a model of type {family!r} caches is not known")


def _whisper(part: Part) -> tuple[tuple[Layer, ...], ...]:
    count = part.number("decoder_attention_heads")
    size = part.number("d_model") // count
    layer: tuple[Layer, ...] = (Heads(count, size, size), Cross(count, size))
    return (layer,) * part.number("decoder_layers")


def _drafts(
    part: Part, layers: tuple[tuple[Layer, ...], ...], deployment: Deployment
) -> tuple[tuple[Layer, ...], ...]:
    """What a draft caches. Its own layers (MTP) are like the model's last that attends."""
    method = deployment.speculative_method
    if method is None or method in _NO_DRAFT:
        return ()
    if not method.endswith("mtp"):
        raise UnknownLayout(f"the cache of a draft model ({method}) is not known")
    count = part.optional("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_layers")
    if part.family in ("qwen3_next", "qwen3_5_text", "qwen3_5_moe_text"):
        count, draft = count or 1, (heads(part),)
        return (draft,) * count
    if count is None:
        raise UnknownLayout(f"config.json of {part.family} tells of no layers for {method}")
    if part.family in _LATENT:
        # A layer for speculation always chooses for itself.
        return (max(layers, key=len),) * count
    if part.family in ("glm4_moe", "mimo", "ernie4_5_moe"):
        return (layers[-1],) * count
    raise UnknownLayout(f"the layers for {method} of {part.family} are not known")


def _without_window(item: Layer) -> Layer:
    return replace(item, window=None) if isinstance(item, Heads) else item


def _in_own_type(
    layers: tuple[tuple[Layer, ...], ...], spared: frozenset[int]
) -> tuple[tuple[Layer, ...], ...]:
    return tuple(
        tuple(
            replace(item, sixteen_bit=True) if isinstance(item, Heads) else item for item in layer
        )
        if place in spared
        else layer
        for place, layer in enumerate(layers)
    )
