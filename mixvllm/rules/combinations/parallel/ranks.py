"""Data-parallel ranks: how many there are, and who sends a request to which.

vLLM knows three ways: one server for all ranks, one for the ranks of each machine ("hybrid"),
or one for each rank and a balancer outside ("external", also meant by giving a rank).
"""

from mixvllm.rules.base import Facts
from mixvllm.rules.combinations.counts import count, counted
from mixvllm.settings.engine import EngineSetting


def ranks(facts: Facts) -> int | None:
    """All data-parallel ranks; None where the variable VLLM_DP_SIZE has the word."""
    size = count(facts, "data-parallel-size")
    return None if size == 1 and facts.variable("VLLM_DP_SIZE") else size


def external(facts: Facts) -> EngineSetting | None:
    """What makes this process one rank of a balancer outside, if anything does.

    With a port for each rank a supervisor starts such processes, and is none itself.
    """
    if facts.switched_on("data-parallel-multi-port-external-lb"):
        return None
    rank = facts.setting("data-parallel-rank")
    if counted(rank) is not None:
        return rank
    return facts.switched_on("data-parallel-external-lb")


def on_one_machine(facts: Facts) -> bool:
    """Whether vLLM is not told of other machines, from whose number it would infer ranks."""
    return count(facts, "nnodes") == 1
