"""Two ways of balancing load, one of them meant by a rank.

vLLM 0.32.0, `entrypoints/cli/serve.py`, `ServeSubcommand.cmd`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.parallel.ranks import external


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A rank means a balancer outside; a first rank means one on this machine."""
    start, outside = facts.setting("data-parallel-start-rank"), external(facts)
    by_rank = counted(facts.setting("data-parallel-rank")) is not None
    hybrid = start if counted(start) is not None else facts.switched_on("data-parallel-hybrid-lb")
    if hybrid is None or outside is None or not (by_rank or hybrid is start):
        return
    yield contradicts(
        RULE, hybrid, outside, "this one balances on this machine, the other one outside of it",
        remedy="keep one of them",
    )  # fmt: skip


RULE = Rule("MX241", "implied-load-balancer", Severity.ERROR, check, since="0.15.1")
