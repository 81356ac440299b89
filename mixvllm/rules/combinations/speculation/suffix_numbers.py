"""Numbers of the method `suffix`.

vLLM 0.32.0, `config/speculative.py`, `SpeculativeConfig._validate_suffix_decoding`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.speculation.asked import asked, method_of

_BOUNDS: Final = {
    "suffix_decoding_max_tree_depth": (1, None, "1 or more"),
    "suffix_decoding_max_cached_requests": (0, None, "0 or more"),
    "suffix_decoding_max_spec_factor": (0, None, "0 or more"),
    "suffix_decoding_min_token_prob": (0, 1, "0 to 1"),
}


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused out of these bounds."""
    keys = asked(facts)
    if method_of(keys) != "suffix":
        return
    for name, (low, high, said) in _BOUNDS.items():
        key = keys.get(name)
        if key is None or not isinstance(key.value, int | float):
            continue
        if key.value < low or (high is not None and key.value > high):
            yield RULE.finding(
                f"`{key.name}` does not fit the method `suffix`: it is {said}",
                key.place.value, key=key.key, label=said,
            )  # fmt: skip


RULE = Rule("MX242", "suffix-numbers", Severity.ERROR, check)
