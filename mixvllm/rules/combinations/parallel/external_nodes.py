"""The rank of a process follows from its machine only where machines are shared out evenly.

vLLM 0.32.0, `engine/arg_utils.py`, `EngineArgs.create_engine_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import misfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Each rank takes one machine, or as many as the others; else it must be said."""
    nodes, size = facts.setting("nnodes"), facts.setting("data-parallel-size")
    machines, ranks = counted(nodes), counted(size)
    if nodes is None or size is None or machines is None or ranks is None:
        return
    if facts.setting("data-parallel-rank") or not facts.switched_on("data-parallel-external-lb"):
        return
    if machines > 1 and ranks > 1 and machines % ranks:
        yield misfit(
            RULE, nodes, size, f"which of {ranks} ranks is on which machine is not clear",
            remedy="set data-parallel-rank too",
        )  # fmt: skip


RULE = Rule("MX242", "external-nodes", Severity.ERROR, check, since="0.31.0")
