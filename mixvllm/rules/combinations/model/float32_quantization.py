"""Quantised layers work in 16 bits.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig._get_quantization_config`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts

_METHODS: Final = ("fp8", "awq", "awq_marlin", "auto_awq", "gptq", "gptq_marlin", "auto_gptq")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with float32; `auto` follows the checkpoint."""
    method, dtype = facts.setting("quantization"), facts.setting("dtype")
    if method is None or dtype is None or method.value not in _METHODS:
        return
    if dtype.value in ("float32", "float"):
        yield contradicts(
            RULE, dtype, method, f"{method.value} works with float16 or bfloat16",
            remedy="take it out: auto fits",
        )  # fmt: skip


RULE = Rule("MX241", "float32-quantization", Severity.ERROR, check)
