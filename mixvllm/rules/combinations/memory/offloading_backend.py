"""A way of offloading the KV cache, and none that is offloaded.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig._post_init_kv_transfer_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import idle


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Only a size switches the offloading on."""
    backend = facts.setting("kv-offloading-backend")
    if backend is not None and facts.value_of("kv-offloading-size") is None:
        yield idle(RULE, backend, "kv-offloading-size", "only a size switches the offloading on")


RULE = Rule("MX243", "offloading-backend", Severity.WARNING, check, since="0.14.1")
