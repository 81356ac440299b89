"""Adaptive verification and pipeline parallelism.

vLLM 0.32.0, `config/vllm.py`, `_validate_adaptive_verification`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import whole
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.speculation.asked import asked


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused together."""
    adaptive = asked(facts).get("enable_adaptive_verification")
    stages = facts.setting("pipeline-parallel-size")
    if adaptive is None or adaptive.value is not True or stages is None:
        return
    if (whole(stages) or 1) > 1:
        yield contradicts(
            RULE, adaptive, stages, "only the last stage knows how many drafts are verified",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "adaptive-pipeline", Severity.ERROR, check, since="0.29")
