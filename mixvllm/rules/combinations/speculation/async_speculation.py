"""Some methods cannot draft while the scheduler runs ahead.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.__post_init__`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.speculation.asked import asked, method_of

_METHODS: Final = ("ngram", "suffix", "medusa", "mlp_speculator")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when async scheduling is asked for; left alone, vLLM switches it off."""
    ahead, keys = facts.switched_on("async-scheduling"), asked(facts)
    method = keys.get("method") or keys.get("model")
    if ahead is not None and method is not None and method_of(keys) in _METHODS:
        yield contradicts(
            RULE, ahead, method, f"{method_of(keys)} drafts between two steps",
            remedy="take it out: vLLM decides",
        )  # fmt: skip


RULE = Rule("MX241", "async-speculation", Severity.ERROR, check, until="0.33")
