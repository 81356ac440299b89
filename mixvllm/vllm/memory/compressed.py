"""Layers of compressed attention (DeepSeek-V4): a window of tokens as they are, and of all tokens
one vector for every 4 or every 128.

vLLM 0.32.0 and 0.33.0, `models/deepseek_v4/attention.py` and `compressor.py`,
`v1/attention/backends/mla/sparse_swa.py`; earlier releases share blocks out in other ways.
"""

from typing import Final

from mixvllm.vllm.checkpoint.config import whole
from mixvllm.vllm.memory.attention import layer_count
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.layer import Layer, Packed
from mixvllm.vllm.memory.part import Part
from mixvllm.vllm.memory.unknown import UnknownLayout
from mixvllm.vllm.table import numbers

_KNOWN: Final = (0, 32, 0)
_BLOCK: Final = 256  # tokens; its kernels take no other
_WINDOW_BLOCK: Final = 64
_HEAD: Final = 512  # elements, of which 64 are rotated: the only size that there is a packing for
_PACKED: Final = 584  # bytes of a vector: 448 in fp8, 64 rotated in 16 bits, 8 of scales
_PAGE: Final = 576  # bytes that a page is a multiple of
_GROUP: Final = 128  # elements of an index that share a scale of 4 bytes
# Compressed tokens: how many before them a compression looks at, in blocks of how many tokens.
_STATES: Final = {4: (8, 4), 128: (128, 8)}
_FLOAT: Final = 4


def compressed_layers(
    part: Part, deployment: Deployment, kind: str
) -> tuple[tuple[Layer, ...], ...]:
    """One entry a layer, ``kind`` being the type that the cache is asked to be in."""
    _refuse(part, deployment, kind)
    count = layer_count(part)
    listed = part.get("compress_ratios")
    ratios = listed[:count] if isinstance(listed, list) else []
    if len(ratios) < count:
        raise UnknownLayout(f"config.json lists {len(ratios)} compress_ratios for {count} layers")
    window = Packed(_WINDOW_BLOCK, _page(_WINDOW_BLOCK * _PACKED), part.number("sliding_window"))
    return tuple((window, *_compressed(part, whole(ratio) or 1)) for ratio in ratios)


def _refuse(part: Part, deployment: Deployment, kind: str) -> None:
    if numbers(deployment.release) < _KNOWN or deployment.device == "cpu":
        where = "on the CPU" if deployment.device == "cpu" else f"of vLLM {deployment.release}"
        raise UnknownLayout(f"the cache of {part.family} {where} is not known")
    if kind not in ("auto", "fp8", "fp8_e4m3", "fp8_ds_mla"):
        raise UnknownLayout(f"how {part.family} keeps {kind} is not known")
    if (deployment.attention_backend or "FLASHMLA_SPARSE").removesuffix("_DSV4") != (
        "FLASHMLA_SPARSE"
    ):
        raise UnknownLayout(f"how {deployment.attention_backend} keeps {part.family} is not known")
    if deployment.block_size not in (None, _BLOCK):
        raise UnknownLayout(f"{part.family} in blocks of other than {_BLOCK} tokens is not known")
    if part.number("head_dim") != _HEAD:
        raise UnknownLayout(f"{part.family} with heads of other than {_HEAD} is not known")


def _compressed(part: Part, ratio: int) -> tuple[Packed, ...]:
    """What a layer keeps beside its window: compressed vectors, and what the next is made of."""
    if ratio == 1:
        return ()
    if ratio not in _STATES:
        raise UnknownLayout(f"layers of {part.family} with a compress_ratio of {ratio}")
    vectors = _BLOCK // ratio
    kept = (Packed(_BLOCK, _page(vectors * _PACKED)), _state(ratio, _HEAD))
    if ratio == max(_STATES):
        return kept
    size = part.number("index_head_dim")
    index = Packed(_BLOCK, _page(vectors * (size + size // _GROUP * _FLOAT)))
    return (*kept, index, _state(ratio, size))


def _state(ratio: int, size: int) -> Packed:
    """A key and a score of each token; compressions of 4 overlap, and keep both twice."""
    window, block = _STATES[ratio]
    return Packed(block, _page(block * 2 * (window // ratio) * size * _FLOAT), window)


def _page(size: int) -> int:
    return -(-size // _PAGE) * _PAGE
