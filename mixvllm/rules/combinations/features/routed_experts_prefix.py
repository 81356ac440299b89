"""Routed experts are kept beside cached blocks.

vLLM 0.32.0, `config/vllm.py`, `_verify_aux_output_compatibility`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when prefix caching is switched off."""
    experts = facts.switched_on("enable-return-routed-experts")
    caching = facts.setting("enable-prefix-caching")
    if experts is not None and caching is not None and caching.value is False:
        yield contradicts(
            RULE, experts, caching, "experts are kept beside the blocks of the prefix cache",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "routed-experts-prefix", Severity.ERROR, check, since="0.31")
