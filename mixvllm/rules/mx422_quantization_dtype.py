"""MX422: a data type that the checkpoint's quantisation does not compute in.

vLLM 0.32.0, `config/vllm.py`, VllmConfig._get_quantization_config, and each method's
`get_supported_act_dtypes`. A method that the profile names is MX241's.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.capability import asked_dtype, dtypes_instead, quantized


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The kernels of a method are written for certain activations; vLLM refuses all others."""
    method, asked = quantized(facts), asked_dtype(facts)
    if method is None or method.setting is not None or asked is None:
        return
    setting, dtype = asked
    dtypes = dtypes_instead(facts, method, dtype)
    if dtypes:
        yield RULE.finding(
            f"the checkpoint is quantised with {method.method}, which does not work with {dtype}",
            setting.place.value, key=setting.key, label=f"use {' or '.join(dtypes)}, or auto",
        )  # fmt: skip


RULE = Rule("MX422", "quantization-dtype", Severity.ERROR, check)
