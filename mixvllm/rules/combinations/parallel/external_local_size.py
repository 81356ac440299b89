"""With a balancer outside, a process is one rank.

vLLM 0.32.0, `engine/arg_utils.py`, `EngineArgs.create_engine_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.parallel.ranks import external


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when it is said to hold another number of them."""
    local, outside = facts.setting("data-parallel-size-local"), external(facts)
    if local is None or outside is None or counted(local) in (1, None):
        return
    yield contradicts(
        RULE, local, outside, "a rank of a balancer outside is one rank on this machine",
        remedy="set it to 1, or take it out",
    )  # fmt: skip


RULE = Rule("MX241", "external-local-size", Severity.ERROR, check)
