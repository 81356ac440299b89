"""Most methods need a draft model.

vLLM 0.32.0, `config/speculative.py`, `SpeculativeConfig.__post_init__`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.speculation.asked import asked, brings_its_own, method_of

_WITHOUT: Final = ("mtp", "dspark", "ngram", "ngram_gpu", "suffix", "extract_hidden_states")
_NEVER_BROUGHT: Final = ("draft_model", "custom_class")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused without one.

    A warning where the model could bring its own (see `asked`); silent when its name says so.
    """
    keys = asked(facts)
    tokens, method = keys.get("num_speculative_tokens"), method_of(keys)
    if tokens is None or "model" in keys or method in _WITHOUT or brings_its_own(facts):
        return
    yield RULE.finding(
        f"`{tokens.name}` needs a draft model: nothing else can draft those tokens",
        tokens.place.key, key=tokens.key, label="add `model`, or `method: ngram`",
        severity=Severity.ERROR if method in _NEVER_BROUGHT else Severity.WARNING,
    )  # fmt: skip


RULE = Rule("MX240", "draft-model-missing", Severity.ERROR, check)
