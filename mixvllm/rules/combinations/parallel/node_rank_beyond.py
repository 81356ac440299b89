"""The number of a machine that is not among them.

vLLM 0.32.0, `engine/arg_utils.py`, `EngineArgs.create_engine_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import misfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Machines are numbered from 0."""
    nodes, rank = facts.setting("nnodes"), facts.setting("node-rank")
    number, place = counted(nodes), counted(rank)
    if nodes is None or rank is None or number is None or place is None:
        return
    if 1 < number <= place:
        yield misfit(
            RULE, rank, nodes, f"{number} machines are numbered 0 to {number - 1}",
            remedy=f"at most {number - 1}",
        )  # fmt: skip


RULE = Rule("MX242", "node-rank-beyond", Severity.ERROR, check)
