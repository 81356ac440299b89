"""Expert parallelism that grows and shrinks balances its load itself.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.parallel.ranks import external, ranks


def check(facts: Facts) -> Iterator[Diagnostic]:
    """One server must know of all ranks, so none may be balanced outside or for each machine."""
    switch = facts.switched_on("enable-elastic-ep")
    local, size = counted(facts.setting("data-parallel-size-local")), ranks(facts)
    apart = local is not None and size is not None and local < size
    hybrid = facts.switched_on("data-parallel-hybrid-lb") if apart else None
    other = external(facts) or hybrid
    if switch is not None and other is not None:
        yield contradicts(
            RULE, other, switch, "one server must know of all ranks to let them come and go",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "elastic-load-balancer", Severity.ERROR, check, until="0.33.0")
