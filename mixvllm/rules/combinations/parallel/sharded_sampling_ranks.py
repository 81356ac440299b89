"""Sampling is split over tensor-parallel ranks.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig._validate_batch_sharded_sampling`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused where there is one."""
    switch = facts.switched_on("enable-batch-sharded-sampling")
    if switch is not None and count(facts, "tensor-parallel-size") == 1:
        yield needs(
            RULE, switch, "tensor-parallel-size", "each rank samples a part of the batch",
            remedy="set tensor-parallel-size to 2 or more, or take this out",
        )  # fmt: skip


RULE = Rule("MX240", "sharded-sampling-ranks", Severity.ERROR, check)
