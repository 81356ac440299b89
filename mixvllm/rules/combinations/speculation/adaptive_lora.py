"""Adaptive verification and LoRA.

vLLM 0.32.0, `config/vllm.py`, `_validate_adaptive_verification`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.speculation.asked import asked


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused together."""
    adaptive, lora = (
        asked(facts).get("enable_adaptive_verification"),
        facts.switched_on("enable-lora"),
    )
    if adaptive is not None and adaptive.value is True and lora is not None:
        yield contradicts(
            RULE, adaptive, lora, "adapters are assigned before drafts are cut",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "adaptive-lora", Severity.ERROR, check, since="0.29")
