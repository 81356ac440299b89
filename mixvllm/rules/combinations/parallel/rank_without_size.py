"""One rank of several, where there is only one.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig._validate_parallel_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import needs
from mixvllm.rules.combinations.parallel.ranks import ranks


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A rank means a balancer outside, and so does a hybrid one over a single local rank, which
    a first rank beside an API server means.
    """
    if ranks(facts) != 1 or facts.switched_on("data-parallel-multi-port-external-lb"):
        return
    rank, hybrid = facts.setting("data-parallel-rank"), facts.switched_on("data-parallel-hybrid-lb")
    if hybrid is None and not facts.switched_on("headless"):
        start = facts.setting("data-parallel-start-rank")
        hybrid = start if counted(start) else None
    alone = counted(facts.setting("data-parallel-size-local")) == 1
    one = rank if counted(rank) is not None else hybrid if alone else None
    if one is not None:
        yield needs(
            RULE, one, "data-parallel-size", "there is one rank, and nothing to balance",
            remedy="set data-parallel-size to 2 or more, or take this out",
        )  # fmt: skip


RULE = Rule("MX240", "rank-without-size", Severity.ERROR, check)
