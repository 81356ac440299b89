"""Fewer requests in a batch than ranks that share them.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig._validate_batch_sharded_sampling`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import misfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A request is sampled by one rank, so some would have nothing to do."""
    most, size = facts.setting("max-num-seqs"), facts.setting("tensor-parallel-size")
    requests, ranks = counted(most), counted(size)
    if most is None or size is None or requests is None or ranks is None:
        return
    if facts.switched_on("enable-batch-sharded-sampling") and requests < ranks:
        yield misfit(
            RULE, most, size, f"sampling is split over {ranks} ranks", remedy=f"at least {ranks}"
        )


RULE = Rule("MX242", "sharded-sampling-sequences", Severity.ERROR, check)
