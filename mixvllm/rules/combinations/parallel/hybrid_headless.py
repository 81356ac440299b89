"""A headless engine balances nothing.

vLLM 0.32.0, `engine/arg_utils.py`, `EngineArgs.create_engine_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with a balancer on this machine, which is a part of the API server."""
    headless, hybrid = facts.switched_on("headless"), facts.switched_on("data-parallel-hybrid-lb")
    if headless and hybrid:
        yield contradicts(
            RULE, hybrid, headless, "the balancer is a part of the API server, and there is none",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "hybrid-headless", Severity.ERROR, check)
