"""Machines that vLLM joins itself, and Ray.

vLLM 0.32.0, `engine/arg_utils.py`, `EngineArgs.create_engine_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """`nnodes` belongs to the multiprocessing backends; Ray knows its machines itself."""
    nodes, number = facts.setting("nnodes"), count(facts, "nnodes")
    if nodes is None or number is None or number < 2:
        return
    for name in ("data-parallel-backend", "distributed-executor-backend"):
        backend = facts.setting(name)
        if backend is not None and backend.value == "ray":
            yield contradicts(
                RULE,
                backend,
                nodes,
                "Ray finds its machines itself",
                remedy="take one of the two out",
            )


RULE = Rule("MX241", "nodes-ray", Severity.ERROR, check)
