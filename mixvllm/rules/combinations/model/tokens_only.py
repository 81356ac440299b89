"""Tokens in, tokens out: no tokenizer.

vLLM 0.32.0, `engine/arg_utils.py`, `create_engine_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import overruled


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A tokenizer that is asked for is left out all the same."""
    tokens, skip = facts.switched_on("tokens-only"), facts.setting("skip-tokenizer-init")
    if tokens is not None and skip is not None and skip.value is False:
        yield overruled(
            RULE, skip, tokens, "the tokenizer is left out", remedy="take one of the two out"
        )


RULE = Rule("MX243", "tokens-only", Severity.WARNING, check)
