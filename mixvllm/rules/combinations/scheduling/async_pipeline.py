"""Scheduling ahead of a pipeline.

vLLM 0.14.1, `config/vllm.py`, `VllmConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with more than one stage, until 0.15 could do it."""
    switch, stages = facts.switched_on("async-scheduling"), facts.setting("pipeline-parallel-size")
    number = counted(stages)
    if switch is not None and stages is not None and number is not None and number > 1:
        yield contradicts(
            RULE, switch, stages, "this release cannot schedule ahead of a pipeline",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "async-pipeline", Severity.ERROR, check, until="0.15.1")
