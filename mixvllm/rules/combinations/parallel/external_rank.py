"""A balancer outside sends requests to one rank, which must know its number.

vLLM 0.32.0, `engine/arg_utils.py`, `EngineArgs.create_engine_config`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs
from mixvllm.rules.combinations.parallel.ranks import on_one_machine, ranks

_OTHERS: Final = ("data-parallel-hybrid-lb", "data-parallel-multi-port-external-lb")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused without a rank, unless it follows from the number of this machine. Where another
    way is chosen too, that is said, and not what this one lacks.
    """
    switch = facts.switched_on("data-parallel-external-lb")
    inferred = not on_one_machine(facts) and ranks(facts) != 1
    if switch is None or facts.setting("data-parallel-rank") or inferred:
        return
    if any(map(facts.switched_on, _OTHERS)):
        return
    yield needs(
        RULE, switch, "data-parallel-rank", "each process is one rank, and must be told which"
    )


RULE = Rule("MX240", "external-rank", Severity.ERROR, check)
