"""MX413: whether it fits depends on what only the start will show."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.forecast.verdict import Cause, Verdict
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.memory import finding_of, first_reason, shorter

_CAUSES = (Cause.WEIGHTS, Cause.CONTEXT, Cause.CARD)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Between the least and the most overhead: it may start, and it may be refused."""
    reason = first_reason(facts, _CAUSES, certain=False)
    if reason is None or facts.forecast is None:
        return
    if facts.forecast.verdict is Verdict.CANNOT_TELL:
        context = reason.cause is Cause.CONTEXT
        yield finding_of(
            RULE, facts, reason, "max-model-len" if context else "gpu-memory-utilization",
            hint=shorter(facts) if context else "`mixvllm fit` shows the sum, and what would help",
        )  # fmt: skip


RULE = Rule("MX413", "may-not-fit", Severity.WARNING, check)
