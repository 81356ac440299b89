"""Routed experts are returned from one stage.

vLLM 0.32.0, `config/vllm.py`, `_verify_aux_output_compatibility`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import whole
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with pipeline parallelism."""
    experts = facts.switched_on("enable-return-routed-experts")
    stages = facts.setting("pipeline-parallel-size")
    if experts is not None and stages is not None and (whole(stages) or 1) > 1:
        yield contradicts(
            RULE, experts, stages, "experts are returned from one stage only",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "routed-experts-pipeline", Severity.ERROR, check, since="0.22")
