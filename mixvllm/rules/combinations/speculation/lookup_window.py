"""A window has its least size at most at its largest.

vLLM 0.32.0, `config/speculative.py`, `SpeculativeConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import whole
from mixvllm.rules.combinations.pairs import misfit
from mixvllm.rules.combinations.speculation.asked import asked, method_of


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused the other way round."""
    keys = asked(facts)
    if method_of(keys) not in ("ngram", "ngram_gpu"):
        return
    least, most = keys.get("prompt_lookup_min"), keys.get("prompt_lookup_max")
    low, high = whole(least), whole(most)
    if least is None or most is None or low is None or high is None or low <= high:
        return
    yield misfit(
        RULE, least, most, f"the window would be {low} at least and {high} at most",
        remedy=f"{high} or less",
    )  # fmt: skip


RULE = Rule("MX242", "lookup-window", Severity.ERROR, check)
