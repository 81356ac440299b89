"""Two vocabularies are for the method `draft_model`.

vLLM 0.32.0, `config/speculative.py`, `SpeculativeConfig._verify_args`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.speculation.asked import asked, method_of

_OTHERS: Final = ("ngram", "ngram_gpu", "suffix", "eagle", "eagle3", "dflash", "dspark", "mtp")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with any other method."""
    keys = asked(facts)
    switch, method = keys.get("use_heterogeneous_vocab"), keys.get("method")
    if switch is None or switch.value is not True or method is None:
        return
    if method_of(keys) in _OTHERS:
        yield contradicts(
            RULE, switch, method, "only a draft model has a vocabulary of its own",
            remedy="write `method: draft_model`",
        )  # fmt: skip


RULE = Rule("MX241", "vocabulary-method", Severity.ERROR, check, since="0.25")
