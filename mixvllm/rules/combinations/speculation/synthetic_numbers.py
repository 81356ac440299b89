"""Rates of acceptance: one for each drafted token, from 0 to 1, never rising.

vLLM 0.32.0, `config/speculative.py`, `SpeculativeConfig._resolve_synthetic_acceptance_rates`.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import whole
from mixvllm.rules.combinations.speculation.asked import asked
from mixvllm.settings.layers import Value

_LABEL: Final = "a rate for each token, from 0 to 1, none above the one before"


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused otherwise; a length is from 1 to the number of tokens and 1."""
    keys = asked(facts)
    tokens, method = whole(keys.get("num_speculative_tokens")), keys.get("rejection_sample_method")
    rates, length = keys.get("synthetic_acceptance_rates"), keys.get("synthetic_acceptance_length")
    if tokens is None or method is None or method.value != "synthetic":
        return
    if rates is not None and length is None and (why := _wrong(rates.value, tokens)):
        yield RULE.finding(f"`{rates.name}` {why}", rates.place.value, key=rates.key, label=_LABEL)
    if length is None or rates is not None or not isinstance(length.value, int | float):
        return
    if not 1 <= length.value <= tokens + 1:
        yield RULE.finding(
            f"`{length.name}` {length.value} does not fit `num_speculative_tokens` {tokens}",
            length.place.value, key=length.key, label=f"1 to {tokens + 1}",
        )  # fmt: skip


def _wrong(rates: Value, tokens: int) -> str:
    if not isinstance(rates, list):
        return ""
    numbers = [rate for rate in rates if isinstance(rate, int | float)]
    if len(numbers) < len(rates):
        return ""
    if len(rates) != tokens:
        return f"has {len(rates)} rates for {tokens} tokens"
    if not all(0 <= rate <= 1 for rate in numbers):
        return "has a rate that is not from 0 to 1"
    if any(low < high for low, high in pairwise(numbers)):
        return "has rates that rise"
    return ""


RULE = Rule("MX242", "synthetic-numbers", Severity.ERROR, check, since="0.20")
