"""The bounds of a histogram rise.

vLLM 0.32.0, `config/observability.py`, `_validate_custom_histogram_buckets`.
"""

from collections.abc import Iterator
from itertools import pairwise

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when there are none, when one is 0 or less, and when they do not rise."""
    for family in inside(facts, "custom-histogram-buckets").values():
        if not isinstance(family.value, list):
            continue
        bounds = [b for b in family.value if isinstance(b, int | float) and not isinstance(b, bool)]
        if len(bounds) < len(family.value):
            continue
        if not bounds:
            why = "has no bounds"
        elif min(bounds) <= 0:
            why = "has a bound that is not above 0"
        elif any(low >= high for low, high in pairwise(bounds)):
            why = "has bounds that do not rise"
        else:
            continue
        yield RULE.finding(
            f"`{family.name}` {why}", family.place.value, key=family.key,
            label="upper bounds above 0, each above the one before",
        )  # fmt: skip


RULE = Rule("MX242", "histogram-buckets", Severity.ERROR, check, since="0.32")
