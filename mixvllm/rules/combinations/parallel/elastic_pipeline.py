"""Expert parallelism that grows and shrinks has no pipeline.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with more than one stage."""
    switch, stages = facts.switched_on("enable-elastic-ep"), facts.setting("pipeline-parallel-size")
    number = counted(stages)
    if switch is not None and stages is not None and number is not None and number > 1:
        yield contradicts(
            RULE, switch, stages, "the stages of a pipeline cannot come and go",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "elastic-pipeline", Severity.ERROR, check)
