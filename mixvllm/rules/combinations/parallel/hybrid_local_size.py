"""Balancing for each machine needs the number of its ranks.

vLLM 0.32.0, `engine/arg_utils.py`, `EngineArgs.create_engine_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs
from mixvllm.rules.combinations.parallel.ranks import external, on_one_machine


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused without it, unless it follows from the number of machines."""
    switch = facts.switched_on("data-parallel-hybrid-lb")
    if switch is None or external(facts) or not on_one_machine(facts):
        return
    if facts.switched_on("data-parallel-multi-port-external-lb"):
        return
    if facts.setting("data-parallel-size-local") is None:
        yield needs(
            RULE, switch, "data-parallel-size-local", "each machine balances over its own ranks"
        )


RULE = Rule("MX240", "hybrid-local-size", Severity.ERROR, check)
