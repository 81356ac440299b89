"""The supervisor of the ranks listens on a port of one of them.

vLLM 0.32.0, `entrypoints/launchers/dp_supervisor.py`, `validate_multi_port_external_lb_args`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count
from mixvllm.rules.combinations.pairs import unfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The ranks take the server's port and those after it."""
    if facts.switched_on("data-parallel-multi-port-external-lb") is None:
        return
    local, port = count(facts, "data-parallel-size-local"), count(facts, "port")
    supervisor = count(facts, "data-parallel-supervisor-port")
    if local is None or port is None or supervisor is None:
        return
    last = port + local - 1
    if port <= supervisor <= last:
        given, server = facts.setting("data-parallel-supervisor-port"), facts.setting("port")
        here = given or server
        if here is not None:
            yield unfit(
                RULE, here, f"puts the supervisor on {supervisor}; the ranks take {port} to {last}",
                server if given else None, remedy="take a port outside of them",
            )  # fmt: skip


RULE = Rule("MX242", "multi-port-supervisor", Severity.ERROR, check)
