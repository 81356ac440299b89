"""Quantised layers compute in certain data types, mostly in 16 bits.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig._get_quantization_config`, and each method's
`get_supported_act_dtypes`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.capability import asked_dtype, dtypes_instead, quantized
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with any other; `auto` follows the checkpoint."""
    method, asked = quantized(facts), asked_dtype(facts)
    if method is None or method.setting is None or asked is None:
        return
    setting, dtype = asked
    dtypes = dtypes_instead(facts, method, dtype)
    if dtypes:
        yield contradicts(
            RULE, setting, method.setting, f"{method.method} works with {' or '.join(dtypes)}",
            remedy="take it out: auto fits",
        )  # fmt: skip


RULE = Rule("MX241", "float32-quantization", Severity.ERROR, check)
