"""MX423: small weights on a card that cannot compute with them.

vLLM 0.32.0: `quantization/fp8.py`, Fp8LinearMethod (Marlin below 8.9); `quantization/modelopt.py`
and `kernels/linear/nvfp4` (Marlin below 10.0). The same since 0.12.0.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.capability import Quantized, abilities_of, deciding, quantized, shown
from mixvllm.rules.model_files import MODEL
from mixvllm.vllm.capabilities import Capability

_FP8: Final = ("FP8", (8, 9))
_NVFP4: Final = ("NVFP4", (10, 0))
_METHODS: Final[Mapping[str, tuple[str, Capability]]] = {
    "fp8": _FP8, "fbgemm_fp8": _FP8, "modelopt": _FP8, "deepseek_v4_fp8": _FP8,
    "fp8_per_tensor": _FP8, "fp8_per_block": _FP8, "modelopt_fp4": _NVFP4,
}  # fmt: skip
_FORMATS: Final[Mapping[str, tuple[str, Capability]]] = {
    "float-quantized": _FP8, "nvfp4-pack-quantized": _NVFP4,
}  # fmt: skip


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM starts, and unpacks the weights at every use: they take less memory, and no
    computation is faster for it.
    """
    card, method, able = deciding(facts), quantized(facts), abilities_of(facts)
    if card is None or method is None or able is None:
        return
    kind, least = _native(method)
    found = able.method(method.method)
    if card.capability >= least or found is None:
        return
    if found.least is None or card.capability[0] * 10 + card.capability[1] < found.least:
        return  # it does not start at all (MX421)
    where = method.setting.place.value if method.setting else facts.place(MODEL).value
    yield RULE.finding(
        f"{card.with_number} cannot compute in {kind}, which takes {shown(least)}:"
        " the weights are unpacked to 16 bits for every computation",
        where,
        key=method.setting.key if method.setting else MODEL,
        label="saves memory, not time",
        related=card.related,
    )


def _native(method: Quantized) -> tuple[str, Capability]:
    """What the weights are, and the least card that computes with them."""
    if method.method == "compressed-tensors":
        return _FORMATS.get(str(method.config.get("format")), ("", (0, 0)))
    return _METHODS.get(method.method, ("", (0, 0)))


RULE = Rule("MX423", "unpacked-weights", Severity.WARNING, check)
