"""Hyper-connections that are split have no pipeline.

vLLM 0.32.0, `config/model.py`, `ModelConfig.verify_with_parallel_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count, counted
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with more than one stage, where tensor parallelism makes it count at all."""
    switch, stages = facts.switched_on("enable-hc-sp"), facts.setting("pipeline-parallel-size")
    number, tensor = counted(stages), count(facts, "tensor-parallel-size")
    if switch is None or stages is None or number is None or tensor is None:
        return
    if tensor > 1 and number > 1:
        yield contradicts(
            RULE, switch, stages, "it works within one stage", remedy="take one of the two out"
        )


RULE = Rule("MX241", "hyper-connection-pipeline", Severity.ERROR, check)
