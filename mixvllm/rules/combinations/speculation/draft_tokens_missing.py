"""How many tokens are drafted has to be said, where no draft model says it.

vLLM 0.32.0, `config/speculative.py`, `SpeculativeConfig._verify_args`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.speculation.asked import asked, brings_its_own, method_of

_NEVER_BROUGHT: Final = ("draft_model", "extract_hidden_states", "ngram", "ngram_gpu")
_PERHAPS: Final = ("dflash", "dspark", "eagle", "eagle3", "mtp")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused without a number.

    A warning where the model could bring its own (see `asked`); silent when its name says so.
    """
    keys = asked(facts)
    method, name = keys.get("method"), method_of(keys)
    if method is None or "model" in keys or "num_speculative_tokens" in keys:
        return
    if name in _NEVER_BROUGHT or (name in _PERHAPS and not brings_its_own(facts)):
        yield RULE.finding(
            f"`{method.name}` {method.value} needs `num_speculative_tokens`: no draft model"
            " says how many",
            method.place.key, key=method.key, label="add num_speculative_tokens",
            severity=Severity.ERROR if name in _NEVER_BROUGHT else Severity.WARNING,
        )  # fmt: skip


RULE = Rule("MX240", "draft-tokens-missing", Severity.ERROR, check)
