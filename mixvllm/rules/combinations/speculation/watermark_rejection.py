"""Watermarked drafts are verified in the standard way.

vLLM 0.32.0, `config/vllm.py`, `_check_supports_watermarking`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.speculation.asked import asked


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with any other."""
    watermark = facts.setting("watermark-config")
    rejection = asked(facts).get("rejection_sample_method")
    if watermark is None or not inside(facts, "watermark-config") or rejection is None:
        return
    if rejection.value in ("synthetic", "block"):
        yield contradicts(
            RULE, rejection, watermark, "watermarked drafts are verified one by one",
            remedy="take it out: standard is the default",
        )  # fmt: skip


RULE = Rule("MX241", "watermark-rejection", Severity.ERROR, check, since="0.30")
