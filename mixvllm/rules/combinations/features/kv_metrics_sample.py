"""A sampling rate for metrics that are off.

vLLM 0.32.0, `v1/core/sched/scheduler.py`, `Scheduler.__init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import idle


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Passed over without `kv-cache-metrics`."""
    setting = facts.setting("kv-cache-metrics-sample")
    if setting is not None and facts.switched_on("kv-cache-metrics") is None:
        yield idle(RULE, setting, "kv-cache-metrics", "no block is sampled")


RULE = Rule("MX243", "kv-metrics-sample", Severity.WARNING, check)
