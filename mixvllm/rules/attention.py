"""What the rules about attention backends share: what a profile asks of one, and why one is not
chosen.

vLLM 0.32.0, `v1/attention/selector.py`, get_attn_backend, and `v1/attention/backend.py`,
validate_configuration. What is not known counts as taken.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mixvllm.core.origin import KeyPath, Origin
from mixvllm.rules.base import Facts
from mixvllm.rules.capability import asked_dtype
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.model_files import number, written_config
from mixvllm.vllm.capabilities import DTYPES, Backend
from mixvllm.vllm.checkpoint.config import ModelConfig, whole

# Families that choose their attention by themselves (vLLM 0.32.0, `vllm/models`), or that have
# none.
_OWN_ATTENTION: Final = (
    "deepseek_v4", "deepseek_v32", "minimax_m3", "hy_v4", "qwen4", "mamba", "rwkv", "glm_moe_dsa",
)  # fmt: skip
# Families whose attention is all latent where `kv_lora_rank` is set
# (`transformers_utils/model_arch_config_convertor.py`, is_deepseek_mla), and families whose heads
# share the hidden size where `head_dim` is not written.
_MLA: Final = ("deepseek_v2", "deepseek_v3", "kimi_k2", "glm4_moe_lite", "pangu_ultra_moe")
_DIVIDED: Final = (
    "llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "phi", "phi3", "opt", "gpt_neox",
    "starcoder2",
)  # fmt: skip
_VARIABLE: Final = "VLLM_ATTENTION_BACKEND"
# Settings that choose a backend, or its version, for a part of the layers.
_PARTLY: Final = ("flash_attn_version", "backend_per_kind")


@dataclass(frozen=True, slots=True)
class Attention:
    """What a backend has to take. None: not known, or left to vLLM."""

    kv: str
    dtype: str | None
    head: int | None
    block: int | None
    mla: bool | None
    sparse: bool | None


def attention(facts: Facts) -> Attention | None:
    """What the profile and the model ask of an attention backend; None where that differs from
    layer to layer, or the model chooses its attention by itself.
    """
    config = written_config(facts)
    if not inside(facts, "attention-config").keys().isdisjoint(_PARTLY) or facts.setting(
        "kv-cache-dtype-skip-layers"
    ):
        return None
    if config is not None and (
        config.model_type.startswith(_OWN_ATTENTION) or "index_topk" in config.text
    ):
        return None
    kv, block = facts.setting("kv-cache-dtype"), facts.setting("block-size")
    dtype = asked_dtype(facts)
    mla = _is_mla(facts, config)
    return Attention(
        kv=str(kv.value) if kv is not None else "auto",
        dtype=dtype[1] if dtype is not None else None,
        head=None if config is None or mla is None else _head_size(config, mla=mla),
        block=number(block),
        mla=mla,
        sparse=None if mla is None else False,
    )


def _is_mla(facts: Facts, config: ModelConfig | None) -> bool | None:
    """Whether a model has latent attention; None when that is not said."""
    if config is None or not config.text:
        return None
    if config.text.get("kv_lora_rank") is None:
        return False
    certain = config.text.get("model_type") in _MLA and not facts.variable("VLLM_MLA_DISABLE")
    return True if certain else None


def _head_size(config: ModelConfig, *, mla: bool) -> int | None:
    """The width of a head in the KV cache (`get_head_size`); None where that is not certain."""
    text = config.text
    if mla:
        latent, rotated = whole(text.get("kv_lora_rank")), whole(text.get("qk_rope_head_dim"))
        return None if latent is None or rotated is None else latent + rotated
    if (stated := whole(text.get("head_dim"))) is not None:
        return stated
    hidden, heads = whole(text.get("hidden_size")), config.heads
    if hidden is None or heads is None or text.get("model_type") not in _DIVIDED:
        return None
    return hidden // heads


def refusals(backend: Backend, asked: Attention) -> Iterator[str]:
    """Why a backend is not chosen, in words; nothing where that is not certain."""
    if backend.takes_card() is False:
        yield "it does not work on this card"
    if asked.mla is not None and backend.is_mla is (not asked.mla):
        yield "it is for latent attention (MLA)" if backend.is_mla else "it cannot do MLA"
    elif asked.sparse is False and backend.is_sparse is True:
        yield "it is for models with sparse attention"
    if backend.takes_kv(asked.kv) is False:
        yield f"it reads no KV cache of type {asked.kv} on this card"
    if asked.head is not None and backend.takes_heads(asked.head) is False:
        yield f"it takes no heads of {asked.head}"
    if asked.block is not None and backend.takes_blocks(asked.block) is False:
        yield f"it takes no blocks of {asked.block} tokens"
    if asked.dtype is not None and backend.takes_dtype(asked.dtype) is False:
        yield f"it does not compute in {asked.dtype}"


def surely_taken(backend: Backend, asked: Attention) -> bool:
    """Whether a backend is chosen when it is tried, whatever is not known here."""
    known = (
        backend.takes_card(),
        backend.takes_kv(asked.kv),
        asked.mla is not None and backend.is_mla is asked.mla,
        asked.sparse is not None and backend.is_sparse is asked.sparse,
        asked.head is not None and backend.takes_heads(asked.head),
        all(map(backend.takes_dtype, DTYPES if asked.dtype is None else [asked.dtype])),
        asked.block is None or backend.takes_blocks(asked.block),
    )
    return all(answer is True for answer in known)


def none_works(tried: Sequence[Backend], asked: Attention) -> bool:
    """Whether vLLM finds no backend, or only one whose layers refuse the KV cache."""
    for backend in tried:
        if any(True for _ in refusals(backend, asked)):
            continue
        if backend.makes_layers(asked.kv) is not False:
            return False
        if surely_taken(backend, asked):
            return True  # it is chosen, and those behind it are never asked
    return True


@dataclass(frozen=True, slots=True)
class Named:
    """A backend that somebody names, and where."""

    name: str  # in capitals, as vLLM looks it up
    origin: Origin
    key: KeyPath


def named_backend(facts: Facts) -> Named | None:
    """The backend that vLLM is told to use: by its option, the key of the JSON one, or a variable
    that early releases read.
    """
    setting = facts.setting("attention-backend") or inside(facts, "attention-config").get("backend")
    if setting is not None:
        return Named(str(setting.value).upper(), setting.place.value, setting.key)
    told = facts.variable(_VARIABLE) if _VARIABLE in facts.options.env else None
    return None if told is None else Named(told[0].upper(), *told[1:])
