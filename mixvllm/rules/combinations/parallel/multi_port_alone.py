"""A port for each rank, and something that vLLM itself then decides.

vLLM 0.32.0, `entrypoints/launchers/dp_supervisor.py`, `validate_multi_port_external_lb_args`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Each rank has one server, and the supervisor numbers them."""
    switch = facts.switched_on("data-parallel-multi-port-external-lb")
    if switch is None:
        return
    servers, rank = facts.setting("api-server-count"), facts.setting("data-parallel-rank")
    if servers is not None and counted(servers) not in (1, None):
        yield contradicts(
            RULE, servers, switch, "each rank has one server", remedy="set it to 1, or take it out"
        )
    if rank is not None and counted(rank) is not None:
        yield contradicts(
            RULE, rank, switch, "the supervisor numbers the ranks",
            remedy="take it out; data-parallel-start-rank is the first one here",
        )  # fmt: skip


RULE = Rule("MX241", "multi-port-alone", Severity.ERROR, check)
