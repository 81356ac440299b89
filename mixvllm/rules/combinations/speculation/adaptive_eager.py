"""Adaptive verification and CUDA graphs.

vLLM 0.32.0, `config/vllm.py`, `_validate_adaptive_verification`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.speculation.asked import asked


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused without them."""
    adaptive = asked(facts).get("enable_adaptive_verification")
    eager = facts.switched_on("enforce-eager")
    if adaptive is not None and adaptive.value is True and eager is not None:
        yield contradicts(
            RULE, adaptive, eager, "it is made of CUDA graphs", remedy="take one of the two out"
        )


RULE = Rule("MX241", "adaptive-eager", Severity.ERROR, check, since="0.29")
