"""Quantised layers compute in certain data types, mostly in 16 bits.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig._get_quantization_config`, and each method's
`get_supported_act_dtypes`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.capability import (
    abilities_of,
    asked_dtype,
    deciding,
    methods_of,
    quantized,
)
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.vllm.capabilities import DTYPES


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with any other; `auto` follows the checkpoint."""
    method, asked, able = quantized(facts), asked_dtype(facts), abilities_of(facts)
    if method is None or method.setting is None or asked is None or able is None:
        return
    dtype, name = asked
    card = deciding(facts)
    place = None if card is None else card.capability
    found = methods_of(method, able)
    if found and all(one.works_in(name, place) is False for one in found):
        fitting = [each for each in DTYPES if any(one.works_in(each, place) for one in found)]
        yield contradicts(
            RULE, dtype, method.setting, f"{method.method} works with {' or '.join(fitting)}",
            remedy="take it out: auto fits",
        )  # fmt: skip


RULE = Rule("MX241", "float32-quantization", Severity.ERROR, check)
