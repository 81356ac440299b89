"""A watermark with one key leaves drafts without it.

vLLM 0.32.0, `config/vllm.py`, `_check_supports_watermarking`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import needs
from mixvllm.rules.combinations.speculation.asked import asked


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused unless that is allowed in so many words. One key, `gumbel`, is the default."""
    keys = inside(facts, "watermark-config")
    algorithm, allowed = keys.get("algorithm"), keys.get("allow_target_only_watermarking")
    watermark = facts.setting("watermark-config")
    if watermark is None or not keys or not asked(facts):
        return
    if algorithm is not None and algorithm.value != "gumbel":
        return
    if allowed is None or allowed.value is False:
        yield needs(
            RULE, algorithm or watermark, "allow_target_only_watermarking",
            "drafts would carry no watermark",
            remedy="or take `algorithm: dual_key_gumbel`",
        )  # fmt: skip


RULE = Rule("MX240", "watermark-algorithm", Severity.ERROR, check, since="0.30")
