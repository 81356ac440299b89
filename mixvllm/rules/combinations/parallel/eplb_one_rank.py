"""Nothing to balance between the experts of one rank.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig._validate_parallel_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count
from mixvllm.rules.combinations.pairs import unfit
from mixvllm.rules.combinations.parallel.ranks import ranks


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when tensor and data parallelism make one rank."""
    switch = facts.switched_on("enable-eplb")
    sizes = (
        ranks(facts),
        count(facts, "tensor-parallel-size"),
        count(facts, "prefill-context-parallel-size"),
    )
    if switch is not None and sizes == (1, 1, 1):
        yield unfit(
            RULE, switch, "balances experts over ranks, and there is one rank",
            facts.setting("tensor-parallel-size"), facts.setting("data-parallel-size"),
            remedy="set tensor-parallel-size or data-parallel-size to 2 or more",
        )  # fmt: skip


RULE = Rule("MX242", "eplb-one-rank", Severity.ERROR, check)
