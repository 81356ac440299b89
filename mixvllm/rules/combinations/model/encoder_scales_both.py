"""Scales are read, or found out and saved.

vLLM 0.32.0, `config/multimodal.py`, `MultiModalConfig._validate_multimodal_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused together for multimodal models; others never look at it."""
    read, save = (
        facts.setting("mm-encoder-fp8-scale-path"),
        facts.setting("mm-encoder-fp8-scale-save-path"),
    )
    if (
        read is not None
        and save is not None
        and isinstance(read.value, str)
        and isinstance(save.value, str)
    ):
        yield contradicts(
            RULE, save, read, "scales that are read are not found out", remedy="keep one of the two"
        )


RULE = Rule("MX241", "encoder-scales-both", Severity.WARNING, check, since="0.21")
