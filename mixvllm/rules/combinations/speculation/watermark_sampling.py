"""Watermarked drafts are sampled.

vLLM 0.32.0, `config/vllm.py`, `_check_supports_watermarking`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import needs
from mixvllm.rules.combinations.speculation.asked import asked


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with greedy drafts, which are the default."""
    watermark, keys = facts.setting("watermark-config"), asked(facts)
    sampling = keys.get("draft_sample_method")
    if watermark is None or not inside(facts, "watermark-config") or not keys:
        return
    if sampling is None or sampling.value != "probabilistic":
        yield needs(
            RULE, watermark, "speculative-config.draft_sample_method",
            "greedy drafts carry no watermark", remedy="set draft_sample_method to probabilistic",
        )  # fmt: skip


RULE = Rule("MX240", "watermark-sampling", Severity.ERROR, check, since="0.30")
