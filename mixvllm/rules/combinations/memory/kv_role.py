"""A KV connector without its part.

vLLM 0.32.0, `config/kv_transfer.py`, `KVTransferConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """It sends, or receives, or both."""
    keys = inside(facts, "kv-transfer-config")
    connector = keys.get("kv_connector")
    if connector is None or "kv_role" in keys:
        return
    yield needs(
        RULE, connector, "kv-transfer-config.kv_role",
        "this engine sends KV blocks, takes them, or both",
        remedy="set kv_role to kv_producer, kv_consumer or kv_both",
    )  # fmt: skip


RULE = Rule("MX240", "kv-role", Severity.ERROR, check)
