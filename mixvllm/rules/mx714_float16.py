"""MX714: float16 for a model whose numbers do not fit into it.

vLLM 0.32.0, `config/model.py`, _FLOAT16_NOT_SUPPORTED_MODELS.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import models_of, written_config


def check(facts: Facts) -> Iterator[Diagnostic]:
    """float16 ends at 65,504. Some models compute with more, and then answer nonsense; vLLM
    refuses to start them so.
    """
    setting, config, models = facts.setting("dtype"), written_config(facts), models_of(facts)
    if setting is None or config is None or models is None:
        return
    if setting.value in ("half", "float16") and models.refuses_float16(config.model_type):
        yield RULE.finding(
            f"models of type {config.model_type} do not work in float16",
            setting.place.value, key=setting.key, label="use bfloat16, or float32",
        )  # fmt: skip


RULE = Rule("MX714", "float16", Severity.ERROR, check)
