"""Balancing over a single local rank is left to a balancer outside.

vLLM 0.32.0, `engine/arg_utils.py`, `EngineArgs.create_engine_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import overruled
from mixvllm.rules.combinations.parallel.ranks import external, ranks


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM switches to the external way, with a line in its log."""
    hybrid = facts.switched_on("data-parallel-hybrid-lb")
    local = facts.setting("data-parallel-size-local")
    if hybrid is None or local is None or external(facts):
        return
    size = ranks(facts)
    if counted(local) == 1 and size is not None and size > 1:
        yield overruled(
            RULE, hybrid, local, "one rank needs no balancer here; the external way is taken",
            remedy="set data-parallel-external-lb and data-parallel-rank",
        )  # fmt: skip


RULE = Rule("MX243", "hybrid-one-rank", Severity.WARNING, check)
