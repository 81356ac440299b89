"""Adapters that are served from the start.

vLLM 0.32.0, `entrypoints/openai/models/serving.py`, `OpenAIServingModels.init_static_loras`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The start fails when LoRA is not switched on: the engine refuses the first of them."""
    modules = facts.setting("lora-modules")
    if modules is None or modules.value in (None, "", []):
        return
    if facts.switched_on("enable-lora") is None:
        yield needs(RULE, modules, "enable-lora", "the engine takes no adapter without it")


RULE = Rule("MX240", "lora-modules", Severity.ERROR, check)
