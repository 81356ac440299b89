"""A port for each rank, for two ranks or more.

vLLM 0.32.0, `entrypoints/launchers/dp_supervisor.py`, `validate_multi_port_external_lb_args`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused without data parallelism, and without two ranks on this machine."""
    switch = facts.switched_on("data-parallel-multi-port-external-lb")
    if switch is None:
        return
    local = facts.setting("data-parallel-size-local")
    if count(facts, "data-parallel-size") == 1:
        needed = "data-parallel-size"
    elif local is None or count(facts, "data-parallel-size-local") in (0, 1):
        needed = "data-parallel-size-local"
    else:
        return
    yield needs(
        RULE, switch, needed, "it starts a server for each of two ranks or more",
        remedy=f"set {needed} to 2 or more",
    )  # fmt: skip


RULE = Rule("MX240", "multi-port-ranks", Severity.ERROR, check)
