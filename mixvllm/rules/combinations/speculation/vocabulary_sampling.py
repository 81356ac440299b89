"""With two vocabularies drafts are greedy.

vLLM 0.32.0, `config/speculative.py`, `SpeculativeConfig._verify_args`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.speculation.asked import asked


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with another way of sampling."""
    keys = asked(facts)
    switch, sampling = keys.get("use_heterogeneous_vocab"), keys.get("draft_sample_method")
    if switch is None or switch.value is not True or sampling is None:
        return
    if sampling.value == "probabilistic":
        yield contradicts(
            RULE, sampling, switch, "with two vocabularies drafts are greedy", remedy="take it out"
        )


RULE = Rule("MX241", "vocabulary-sampling", Severity.ERROR, check, since="0.25")
