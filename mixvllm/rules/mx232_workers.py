"""MX232: what `server.workers` means."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Other servers call copies of the whole application workers; here one engine stays one
    engine, and `workers` is the number of HTTP front ends before it.
    """
    setting = facts.setting("api-server-count")
    if setting is not None and setting.named:
        yield RULE.finding(
            "`server.workers` is vLLM's --api-server-count: HTTP processes before one engine",
            setting.place.key,
            key=setting.key,
            hint="for more engines see inference.data_parallel_size",
        )


RULE = Rule("MX232", "workers", Severity.INFO, check)
