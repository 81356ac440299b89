"""The ranks of a machine are an equal share of all.

vLLM 0.32.0, `entrypoints/launchers/dp_supervisor.py`, `validate_multi_port_external_lb_args`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count
from mixvllm.rules.combinations.pairs import misfit, unfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when the shares are unequal, or this machine's share reaches beyond the last rank."""
    if facts.switched_on("data-parallel-multi-port-external-lb") is None:
        return
    size, local = facts.setting("data-parallel-size"), facts.setting("data-parallel-size-local")
    ranks, share = count(facts, "data-parallel-size"), count(facts, "data-parallel-size-local")
    if size is None or local is None or ranks is None or share is None or not 2 <= share <= ranks:
        return
    if ranks % share:
        yield misfit(
            RULE, local, size, f"{ranks} ranks cannot be split into shares of {share}",
            remedy="each machine holds the same number of ranks",
        )  # fmt: skip
        return
    name = "data-parallel-start-rank" if facts.setting("data-parallel-start-rank") else "node-rank"
    first, given = count(facts, name), facts.setting(name)
    if first is None or given is None:
        return
    start = first if name == "data-parallel-start-rank" else first * share
    if start + share > ranks:
        yield unfit(
            RULE, given, f"is {first}: ranks {start} to {start + share - 1} of {ranks}",
            size, local, remedy=f"the last rank is {ranks - 1}",
        )  # fmt: skip


RULE = Rule("MX242", "multi-port-share", Severity.ERROR, check)
