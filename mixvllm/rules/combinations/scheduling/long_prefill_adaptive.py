"""A threshold that adapts, and none to adapt.

vLLM 0.32.0, `v1/core/sched/scheduler.py`, `Scheduler.schedule`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count
from mixvllm.rules.combinations.pairs import idle


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A threshold of 0 is none, and 0 is the default."""
    switch = facts.switched_on("long-prefill-token-threshold-adaptive")
    if switch is not None and count(facts, "long-prefill-token-threshold") == 0:
        yield idle(RULE, switch, "long-prefill-token-threshold", "no prefill counts as long")


RULE = Rule("MX243", "long-prefill-adaptive", Severity.WARNING, check)
