"""Ranks that cannot be spread evenly over the machines.

vLLM 0.32.0, `engine/arg_utils.py`, `EngineArgs.create_engine_config`.
"""

import math
from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count
from mixvllm.rules.combinations.pairs import unfit

_SIZES: Final = ("data-parallel-size", "pipeline-parallel-size", "tensor-parallel-size")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Each machine takes the same number of ranks. Releases differ in how they count those of
    prefill context parallelism, so nothing is said beside it.
    """
    nodes, number = facts.setting("nnodes"), count(facts, "nnodes")
    sizes = [size for name in _SIZES if (size := count(facts, name)) is not None]
    if nodes is None or number is None or number < 2 or len(sizes) < len(_SIZES):
        return
    world = math.prod(sizes)
    if count(facts, "prefill-context-parallel-size") == 1 and world % number:
        ranks = "1 rank" if world == 1 else f"{world} ranks"
        yield unfit(
            RULE, nodes, f"is {number}, and {ranks} cannot be spread over them evenly",
            *map(facts.setting, _SIZES), remedy="each machine takes the same number of ranks",
        )  # fmt: skip


RULE = Rule("MX242", "nodes-world-size", Severity.ERROR, check)
