"""Options of LoRA, and LoRA itself switched off.

vLLM 0.32.0, `engine/arg_utils.py`, `create_engine_config`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import idle

_OPTIONS: Final = (
    "max-loras", "max-lora-rank", "max-cpu-loras", "lora-dtype", "fully-sharded-loras",
    "lora-target-modules", "default-mm-loras", "enable-tower-connector-lora",
    "specialize-active-lora", "enable-mixed-moe-lora-format", "enable-moe-shared-loras",
    "max-lora-cls-labels",
)  # fmt: skip


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Passed over when `enable-lora` is not on: no LoRA configuration is made."""
    if facts.switched_on("enable-lora") is not None:
        return
    for name in _OPTIONS:
        setting = facts.setting(name)
        if setting is None or setting.option is None:
            continue
        if setting.value not in (None, setting.option.default):
            yield idle(RULE, setting, "enable-lora", "no adapter is served")


RULE = Rule("MX243", "lora-idle", Severity.WARNING, check)
