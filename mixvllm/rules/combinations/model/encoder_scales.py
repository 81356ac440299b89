"""Scales are for an encoder in fp8.

vLLM 0.32.0, `config/multimodal.py`, `MultiModalConfig._validate_multimodal_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import idle


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused for multimodal models when it is not; others never look at it."""
    if facts.value_of("mm-encoder-attn-dtype") == "fp8":
        return
    for name in ("mm-encoder-fp8-scale-path", "mm-encoder-fp8-scale-save-path"):
        setting = facts.setting(name)
        if setting is not None and setting.value is not None:
            yield idle(
                RULE, setting, "mm-encoder-attn-dtype", "only an encoder in fp8 has scales",
                remedy="set mm-encoder-attn-dtype to fp8",
            )  # fmt: skip


RULE = Rule("MX243", "encoder-scales", Severity.WARNING, check, since="0.21")
