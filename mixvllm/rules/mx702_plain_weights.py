"""MX702: a method of quantisation whose weights have to be stored, asked of plain ones.

vLLM 0.32.0, `model_executor/model_loader/weight_utils.py`, get_quant_config: such a method is
built from the checkpoint's own description, and there is none.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import written_config

# Each was tried with a plain checkpoint; others (fp8, experts_int8, fp8_per_block ...) are made
# while the weights are loaded.
_STORED: Final = {
    "awq", "auto_awq", "awq_marlin", "gptq", "auto_gptq", "gptq_marlin", "gptq_marlin_24",
    "gptq_bitblas", "moe_wna16", "compressed-tensors", "quark", "inc", "modelopt", "modelopt_fp4",
    "modelopt_mxfp8", "modelopt_mixed",
}  # fmt: skip
_DESCRIPTIONS: Final = (
    "quantize_config.json", "quant_config.json", "quantization_config.json", "hf_quant_config.json",
)  # fmt: skip


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The weights are read from the checkpoint as they are; vLLM finds out after it has loaded
    its configuration.
    """
    setting, config = facts.setting("quantization"), written_config(facts)
    if setting is None or config is None or not isinstance(setting.value, str):
        return
    if setting.value not in _STORED:
        return
    names = facts.checkpoint.names if facts.checkpoint is not None else frozenset()
    if config.quantization is None and not any(name.endswith(_DESCRIPTIONS) for name in names):
        yield RULE.finding(
            f"quantization {setting.value} needs weights that were stored so;"
            " this checkpoint is not quantised",
            setting.place.value,
            key=setting.key,
            label="take it out, or name a checkpoint that was made with it",
        )


RULE = Rule("MX702", "plain-weights", Severity.ERROR, check)
