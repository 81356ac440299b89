"""Watermarked drafts come from a model.

vLLM 0.32.0, `config/vllm.py`, `_check_supports_watermarking`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.speculation.asked import asked, method_of

_METHODS: Final = ("ngram", "ngram_gpu", "suffix", "extract_hidden_states")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when they come from the text, or from the model itself."""
    watermark, keys = facts.setting("watermark-config"), asked(facts)
    method = keys.get("method") or keys.get("model")
    if watermark is None or not inside(facts, "watermark-config") or method is None:
        return
    if method_of(keys) in _METHODS:
        yield contradicts(
            RULE, method, watermark, "only drafts that a model samples carry a watermark",
            remedy="draft with a model",
        )  # fmt: skip


RULE = Rule("MX241", "watermark-method", Severity.ERROR, check, since="0.30")
