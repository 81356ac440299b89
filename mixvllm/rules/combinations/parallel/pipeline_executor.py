"""A pipeline needs a process for each stage.

vLLM 0.32.0, `engine/arg_utils.py`, `EngineArgs._check_feature_supported`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The executor that runs everything in one process has no stages."""
    stages = facts.setting("pipeline-parallel-size")
    executor = facts.setting("distributed-executor-backend")
    number = counted(stages)
    if stages is None or executor is None or number is None:
        return
    if number > 1 and executor.value == "uni":
        yield contradicts(
            RULE, executor, stages, "uni is one process, and a pipeline has several",
            remedy="write mp, or take it out",
        )  # fmt: skip


RULE = Rule("MX241", "pipeline-executor", Severity.ERROR, check)
