"""Cohere's format has an option, and a key for templates.

vLLM 0.32.0, `entrypoints/launchers/cli_args.py`, `resolve_default_chat_template_kwargs`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule, shown
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import overruled


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The key wins; an option that says something else is passed over."""
    option = facts.setting("cohere-format")
    key = inside(facts, "default-chat-template-kwargs").get("cohere_format")
    if option is None or key is None or not option.value or key.value == option.value:
        return
    yield overruled(
        RULE, option, key, f"the format will be {shown(key.value)}", remedy="keep one of the two"
    )


RULE = Rule("MX243", "cohere-format-twice", Severity.WARNING, check, since="0.27")
