"""MX410: weights and overhead leave nothing for the KV cache, or all together is too much."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.forecast.verdict import Cause
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.memory import finding_of, first_reason

_CAUSES = (Cause.WEIGHTS, Cause.CARD)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Said only where it is certain, with the least overhead that is known of."""
    reason = first_reason(facts, _CAUSES, certain=True)
    if reason is not None:
        yield finding_of(
            RULE, facts, reason, "gpu-memory-utilization",
            hint="`mixvllm fit` shows the sum, and what would make it fit",
        )  # fmt: skip


RULE = Rule("MX410", "does-not-fit", Severity.ERROR, check)
