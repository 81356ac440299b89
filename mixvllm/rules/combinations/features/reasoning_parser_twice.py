"""The reasoning parser has an option of its own, and two keys in JSON.

vLLM 0.32.0, `engine/arg_utils.py`, `create_structured_outputs_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import overruled


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The option wins; keys that say something else are passed over."""
    option = facts.setting("reasoning-parser")
    if option is None or not isinstance(option.value, str) or not option.value:
        return
    for config in ("structured-outputs-config", "reasoning-config"):
        key = inside(facts, config).get("reasoning_parser")
        if key is not None and isinstance(key.value, str) and key.value not in ("", option.value):
            yield overruled(
                RULE, key, option, f"the parser will be {option.value}",
                remedy="keep the option alone",
            )  # fmt: skip


RULE = Rule("MX243", "reasoning-parser-twice", Severity.WARNING, check)
