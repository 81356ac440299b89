"""Fast prefill gives no logits for the prompt.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.__post_init__`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.speculation.asked import asked, method_of

_METHODS: Final = ("eagle", "eagle3", "mtp")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with the methods that need them."""
    fast, keys = facts.switched_on("kv-sharing-fast-prefill"), asked(facts)
    method = keys.get("method")
    if fast is not None and method is not None and method_of(keys) in _METHODS:
        yield contradicts(
            RULE, fast, method, "its head is fed with the whole prompt's states",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "fast-prefill-heads", Severity.ERROR, check)
