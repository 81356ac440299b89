"""Mamba states that are replayed cannot be sent.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.validate_mamba_cached_kernel`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused beside a KV connector, and beside the offloading of the KV cache, which is one."""
    switch = facts.switched_on("use-replayssm")
    size = facts.setting("kv-offloading-size")
    connector = inside(facts, "kv-transfer-config").get("kv_connector")
    other = connector or (size if size is not None and size.value is not None else None)
    if switch is not None and other is not None:
        yield contradicts(
            RULE, switch, other, "states that are replayed cannot be sent or offloaded",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "replay-connector", Severity.ERROR, check)
