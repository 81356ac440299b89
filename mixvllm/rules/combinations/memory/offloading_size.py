"""An offloading of the KV cache without its size.

vLLM 0.13.0, `config/vllm.py`, `VllmConfig._post_init_kv_transfer_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused in the first releases; later ones offload nothing."""
    backend = facts.setting("kv-offloading-backend")
    if (
        backend is not None
        and backend.value is not None
        and facts.value_of("kv-offloading-size") is None
    ):
        yield needs(RULE, backend, "kv-offloading-size", "memory is set aside for it")


RULE = Rule("MX240", "offloading-size", Severity.ERROR, check, until="0.14.1")
