"""MX411: one request of the longest length needs more KV cache than there can be."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.forecast.verdict import Cause
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.memory import finding_of, first_reason, shorter


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM refuses such a start, after it has loaded the weights."""
    reason = first_reason(facts, (Cause.CONTEXT,), certain=True)
    if reason is not None:
        yield finding_of(RULE, facts, reason, "max-model-len", hint=shorter(facts))


RULE = Rule("MX411", "context-does-not-fit", Severity.ERROR, check)
