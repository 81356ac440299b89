"""Ranks that may fail need a balancer outside.

vLLM 0.32.0, `engine/arg_utils.py`, `EngineArgs.create_engine_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs
from mixvllm.rules.combinations.parallel.ranks import external


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused while vLLM itself sends the requests to the ranks."""
    switch = facts.switched_on("enable-fault-tolerance")
    if (
        switch is None
        or external(facts)
        or facts.switched_on("data-parallel-multi-port-external-lb")
    ):
        return
    yield needs(
        RULE, switch, "data-parallel-rank", "requests must be sent past a rank that failed",
        remedy="set data-parallel-rank: a balancer outside chooses the rank",
    )  # fmt: skip


RULE = Rule("MX240", "fault-tolerance-balancer", Severity.ERROR, check)
