"""Layers are quantised by kind or by name.

vLLM 0.32.0, `config/quantization.py`, `QuantizationConfigArgs._validate_targets_exclusivity`.
"""

from collections.abc import Iterator, Mapping

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with both."""
    keys = inside(facts, "quantization-config")
    targets = keys.get("targets")
    if targets is None or not isinstance(targets.value, Mapping):
        return
    for name in ("linear", "moe"):
        if (key := keys.get(name)) is not None:
            yield contradicts(
                RULE, key, targets, "layers are quantised by kind or by name",
                remedy="keep one of the two",
            )  # fmt: skip


RULE = Rule("MX241", "quantization-targets", Severity.ERROR, check, since="0.30")
