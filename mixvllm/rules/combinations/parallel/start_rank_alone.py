"""A first rank, and not how many follow it.

vLLM 0.32.0, `engine/arg_utils.py`, `EngineArgs.create_engine_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import idle
from mixvllm.rules.combinations.parallel.ranks import external, on_one_machine


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Without the number of local ranks all are local, and begin with 0."""
    start = facts.setting("data-parallel-start-rank")
    if start is None or not counted(start) or external(facts) or not on_one_machine(facts):
        return
    if any(
        facts.setting(name)
        for name in (
            "data-parallel-size-local",
            "data-parallel-hybrid-lb",
            "data-parallel-multi-port-external-lb",
        )
    ):
        return
    yield idle(
        RULE, start, "data-parallel-size-local", "all ranks are on this machine, and begin with 0"
    )


RULE = Rule("MX243", "start-rank-alone", Severity.WARNING, check)
