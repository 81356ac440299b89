"""In which type a cache is kept, and how many bytes a token takes in it.

vLLM 0.32.0: `utils/torch_utils.py`, `v1/attention/backends/*.py` (customize_spec),
`model_executor/layers/quantization/turboquant/config.py`.
"""

from collections.abc import Mapping
from typing import Final

from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.json_file import Json
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.layer import Heads, Latent
from mixvllm.vllm.memory.unknown import UnknownLayout
from mixvllm.vllm.table import numbers

_BYTES: Final[Mapping[str, int]] = {
    "float32": 4, "float": 4, "float16": 2, "half": 2, "bfloat16": 2,
}  # fmt: skip
# Bits of a key and of a value; the rest of a slot are a norm of the key, a scale and an offset.
_TURBOQUANT: Final[Mapping[str, tuple[int, int]]] = {
    "turboquant_k8v4": (8, 4), "turboquant_4bit_nc": (4, 4), "turboquant_k3v4_nc": (3, 4),
    "turboquant_3bit_nc": (3, 3),
}  # fmt: skip
_PACKED_LATENT: Final[Mapping[str, int]] = {"fp8_ds_mla": 656, "nvfp4_ds_mla": 352}
# From when on a checkpoint's own type of cache is taken: compressed-tensors' at first whatever was
# asked for, then for auto alone.
_MODELOPT_READ: Final = (0, 14, 0)
_SCHEME_READ: Final = (0, 16, 0)
_SCHEME_ASKED: Final = (0, 22, 0)
# From here on 4 bits are kept as 4 bits.
_INT4_PACKED: Final = (0, 25, 0)
# From here on the backend, no more the model's class, chooses the packed form.
_BACKEND_PACKS: Final = (0, 20, 0)


def type_bytes(name: str) -> int:
    """Bytes of an element of an ordinary type."""
    if name not in _BYTES:
        raise UnknownLayout(f"the size of the type {name} is not known")
    return _BYTES[name]


def resolved_type(config: ModelConfig, deployment: Deployment) -> str:
    """``auto`` as the release reads it: the model's type, or what its checkpoint was made for."""
    release = numbers(deployment.release)
    asked = deployment.kv_cache_dtype
    made = config.quantization or {}
    method = config.quantization_method
    scheme = method == "compressed-tensors" and isinstance(made.get("kv_cache_scheme"), dict)
    if scheme and _SCHEME_READ <= release < _SCHEME_ASKED:
        return "fp8"
    if asked != "auto":
        return asked
    if scheme and release >= _SCHEME_ASKED:
        return "fp8"
    if method.startswith("modelopt") and release >= _MODELOPT_READ:
        inner = made.get("quantization")
        holders = [inner, made] if isinstance(inner, dict) else [made]
        for key in ("kv_cache_scheme", "kv_cache_quant_algo"):
            for holder in holders:
                if found := holder.get(key):
                    return _modelopt(found)
    return "auto"


def _modelopt(algorithm: Json) -> str:
    if isinstance(algorithm, dict):
        bits, kind = algorithm.get("num_bits"), algorithm.get("type")
        if (bits, kind) == (4, "float"):
            return "nvfp4"
        return "fp8" if (bits, kind, algorithm.get("dynamic")) == (8, "float", False) else "auto"
    return {"fp8": "fp8", "nvfp4": "nvfp4"}.get(str(algorithm).lower(), "auto")


def is_turboquant(kind: str) -> bool:
    """Whether a type is one of TurboQuant's, which spares the first and last layers."""
    return kind in _TURBOQUANT


def head_bytes(heads: Heads, kind: str, deployment: Deployment) -> int:
    """Bytes that a token takes in one head of a layer, key and value."""
    key, value = heads.key, heads.value
    if heads.sixteen_bit or kind == "auto":
        return (key + value) * type_bytes(deployment.dtype)
    if kind.endswith("_per_token_head"):
        scales = 8  # two of 32 bits
        if kind == "int4_per_token_head":
            if numbers(deployment.release) < _INT4_PACKED:
                raise UnknownLayout(f"{kind} of vLLM {deployment.release} is not known")
            return key // 2 + value // 2 + scales
        return key + value + scales
    if kind.startswith("fp8"):
        return key + value
    if kind.startswith("nvfp4") and kind != "nvfp4_ds_mla":
        return sum(size // 2 + size // 16 for size in (key, value))
    if kind in _TURBOQUANT:
        return _turboquant(key, *_TURBOQUANT[kind])
    return (key + value) * type_bytes(kind)


def _turboquant(size: int, key_bits: int, value_bits: int) -> int:
    key = size if key_bits == 8 else -(-size * key_bits // 8) + 2
    slot = key + -(-size * value_bits // 8) + 4
    return slot + slot % 2


def latent_bytes(latent: Latent, kind: str, deployment: Deployment) -> int:
    """Bytes that a token takes in a layer of latent attention."""
    size = latent.rank + latent.rope
    if latent.sparse:
        kind = _sparse_type(kind, deployment)
    if kind in _PACKED_LATENT:
        return _PACKED_LATENT[kind]
    if kind == "auto":
        return size * type_bytes(deployment.dtype)
    if kind.startswith("fp8"):
        return size
    if kind in _BYTES:
        return size * type_bytes(kind)
    raise UnknownLayout(f"how latent attention keeps {kind} is not known")


def _sparse_type(kind: str, deployment: Deployment) -> str:
    """The packed form that the backend of sparse attention makes of a type."""
    if kind in _PACKED_LATENT:
        return kind
    if numbers(deployment.release) < _BACKEND_PACKS:
        if kind == "bfloat16":
            return "auto"
        return "fp8_ds_mla" if kind.startswith("fp8") else kind
    backend = deployment.attention_backend
    major = deployment.compute_capability[0] if deployment.compute_capability else None
    if kind.startswith("fp8"):
        if backend == "FLASHMLA_SPARSE" or (backend is None and major in (9, 12)):
            return "fp8_ds_mla"
        if backend == "FLASHINFER_MLA_SPARSE":
            return kind
        raise UnknownLayout(
            "how sparse attention keeps fp8 depends on its backend: name it in attention-backend"
        )
    if kind == "auto" and major == 12:
        return "fp8_ds_mla"
    if kind == "auto" and major == 10:
        raise UnknownLayout(
            "what auto is for sparse attention on this card depends on the model: "
            "name a kv-cache-dtype"
        )
    return kind
