"""Synthetic acceptance is given by rates or by a length.

vLLM 0.32.0, `config/speculative.py`, `SpeculativeConfig._resolve_synthetic_acceptance_rates`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts, needs
from mixvllm.rules.combinations.speculation.asked import asked


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with neither, and with both."""
    keys = asked(facts)
    method = keys.get("rejection_sample_method")
    rates, length = keys.get("synthetic_acceptance_rates"), keys.get("synthetic_acceptance_length")
    if method is None or method.value != "synthetic":
        return
    if rates is None and length is None:
        yield needs(
            RULE, method, "synthetic_acceptance_length", "it says how much is accepted",
            remedy="add synthetic_acceptance_length or synthetic_acceptance_rates",
        )  # fmt: skip
    elif rates is not None and length is not None:
        yield contradicts(
            RULE, rates, length, "both say how much is accepted", remedy="keep one of the two"
        )


RULE = Rule("MX240", "synthetic-needs", Severity.ERROR, check, since="0.20")
