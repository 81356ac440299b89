"""Fetching layers ahead needs groups of layers.

vLLM 0.32.0, `config/offload.py`, `OffloadConfig.validate_offload_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A group has no layers by default, and one of them is to be offloaded."""
    backend = facts.setting("offload-backend")
    if backend is None or backend.value != "prefetch" or count(facts, "offload-group-size") != 0:
        return
    if count(facts, "offload-num-in-group"):
        yield needs(RULE, backend, "offload-group-size", "layers are offloaded by groups")


RULE = Rule("MX240", "prefetch-group", Severity.ERROR, check)
