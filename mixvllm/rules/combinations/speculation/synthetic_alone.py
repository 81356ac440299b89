"""Rates of acceptance are for synthetic acceptance.

vLLM 0.32.0, `config/speculative.py`, `SpeculativeConfig._verify_args`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs
from mixvllm.rules.combinations.speculation.asked import asked

_KEYS: Final = ("synthetic_acceptance_rates", "synthetic_acceptance_length")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with every other method of rejection."""
    keys = asked(facts)
    method = keys.get("rejection_sample_method")
    if method is not None and method.value == "synthetic":
        return
    for name in _KEYS:
        if (key := keys.get(name)) is not None:
            yield needs(
                RULE, key, "rejection_sample_method", "acceptance is only then synthetic",
                remedy="add `rejection_sample_method: synthetic`",
            )  # fmt: skip


RULE = Rule("MX240", "synthetic-alone", Severity.ERROR, check, since="0.20")
