"""Metrics need statistics.

vLLM 0.32.0, `v1/engine/async_llm.py`, `AsyncLLM.__init__`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import overruled

_METRICS: Final = (
    "kv-cache-metrics", "cudagraph-metrics", "enable-mfu-metrics", "aggregate-engine-logging",
)  # fmt: skip


def check(facts: Facts) -> Iterator[Diagnostic]:
    """With statistics off nothing is measured, so options of metrics are passed over."""
    off = facts.switched_on("disable-log-stats")
    if off is None:
        return
    for name in _METRICS:
        if (setting := facts.switched_on(name)) is not None:
            yield overruled(
                RULE, setting, off, "no statistics are gathered", remedy="take one of the two out"
            )


RULE = Rule("MX243", "stats-off", Severity.WARNING, check)
