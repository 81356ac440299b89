"""The ranks that share a KV cache are those of tensor parallelism.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig._validate_parallel_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count
from mixvllm.rules.combinations.pairs import unfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The tensor-parallel ranks must split into groups of that size."""
    setting = facts.setting("decode-context-parallel-size")
    size = count(facts, "decode-context-parallel-size")
    tensor = count(facts, "tensor-parallel-size")
    if setting is None or not size or tensor is None:
        return
    if count(facts, "prefill-context-parallel-size") == 1 and tensor % size:
        yield unfit(
            RULE, setting, f"is {size}, which does not divide `tensor-parallel-size`, {tensor}",
            facts.setting("tensor-parallel-size"), remedy="write a divisor of tensor-parallel-size",
        )  # fmt: skip


RULE = Rule("MX242", "decode-context-size", Severity.ERROR, check)
