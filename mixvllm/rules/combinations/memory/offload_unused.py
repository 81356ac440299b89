"""How to offload weights, and none that are.

vLLM 0.32.0, `model_executor/offloader/base.py`, `create_offloader`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import idle

_PARTS: Final = {
    "cpu-offload-gb": ("cpu-offload-params",),
    "offload-group-size": ("offload-params", "offload-num-in-group", "offload-prefetch-step"),
}


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Nothing reads it while nothing is offloaded that way."""
    for needed, names in _PARTS.items():
        if facts.value_of(needed) != 0 or facts.value_of("offload-backend") == "prefetch":
            continue
        for name in names:
            setting = facts.setting(name)
            if setting is not None and setting.value:
                yield idle(RULE, setting, needed, "no weights are offloaded that way")


RULE = Rule("MX243", "offload-unused", Severity.WARNING, check)
