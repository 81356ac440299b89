"""MX703: another method of quantisation than the checkpoint's.

vLLM 0.32.0, `config/model.py`, _verify_quantization, and each method's
`override_quantization_method`; the names of earlier releases are accepted too.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import of_the_model, written_config
from mixvllm.vllm.table import numbers

# A checkpoint's method, and what may be asked of it. Each pair was tried with vLLM 0.32.0.
_ACCEPTED: Final[Mapping[str, frozenset[str]]] = {
    "awq": frozenset(
        {"awq", "auto_awq", "awq_marlin", "moe_wna16", "humming", "inc", "cpu_awq", "ipex"}
    ),
    "gptq": frozenset(
        {"gptq", "auto_gptq", "gptq_marlin", "gptq_marlin_24", "gptq_bitblas", "bitblas",
         "moe_wna16", "humming", "inc", "auto-round", "cpu_gptq", "ipex"}
    ),
    "fp8": frozenset({"fp8", "humming", "deepseek_v4_fp8"}),
    "compressed-tensors": frozenset({"compressed-tensors", "humming"}),
    "quark": frozenset({"quark", "humming"}),
    "bitsandbytes": frozenset({"bitsandbytes", "humming"}),
}  # fmt: skip
# The first release whose `layers/quantization/__init__.py` lacks a method that checkpoints name.
_GIVEN_UP: Final[Mapping[str, str]] = {"bitsandbytes": "0.28.0"}
_ASKED: Final = frozenset[str]().union(
    *_ACCEPTED.values(),
    {"modelopt", "modelopt_fp4", "experts_int8", "torchao", "mxfp4", "fbgemm_fp8"},
)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A checkpoint says how it was quantised, so nothing has to be asked. Where something is,
    it must be the same method, or another way of computing with it.
    """
    config, setting = written_config(facts), facts.setting("quantization")
    if config is None:
        return
    method, asked = config.quantization_method, setting.value if setting is not None else None
    gone = _GIVEN_UP.get(method)
    if gone and asked != "humming" and numbers(facts.options.release) >= numbers(gone):
        yield of_the_model(
            RULE, facts,
            f"the checkpoint is quantised with {method}, which vLLM {gone} removed",
            label="name a checkpoint in another format",
        )  # fmt: skip
    elif (
        setting is not None
        and isinstance(asked, str)
        and asked in _ASKED
        and asked not in _ACCEPTED.get(method, _ASKED)
        and not config.model_type.startswith("deepseek_v4")
    ):
        yield RULE.finding(
            f"quantization {asked} is asked of a checkpoint that was quantised with {method}",
            setting.place.value,
            key=setting.key,
            label="take it out: the checkpoint says what it is",
        )


RULE = Rule("MX703", "other-quantization", Severity.ERROR, check)
