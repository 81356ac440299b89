"""MX422: a data type that the checkpoint's quantisation does not compute in.

vLLM 0.32.0, `config/vllm.py`, VllmConfig._get_quantization_config, and each method's
`get_supported_act_dtypes`. A method that the profile names is MX241's.
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
from mixvllm.vllm.capabilities import DTYPES


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The kernels of a method are written for certain activations; vLLM refuses all others."""
    method, asked, able = quantized(facts), asked_dtype(facts), abilities_of(facts)
    if method is None or method.setting is not None or asked is None or able is None:
        return
    setting, dtype = asked
    card = deciding(facts)
    place = None if card is None else card.capability
    found = methods_of(method, able)
    if found and all(one.works_in(dtype, place) is False for one in found):
        dtypes = [each for each in DTYPES if any(one.works_in(each, place) for one in found)]
        yield RULE.finding(
            f"the checkpoint is quantised with {method.method}, which does not work with {dtype}",
            setting.place.value, key=setting.key, label=f"use {' or '.join(dtypes)}, or auto",
        )  # fmt: skip


RULE = Rule("MX422", "quantization-dtype", Severity.ERROR, check)
