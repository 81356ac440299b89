"""Sparse attention over main memory runs on one stage.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """HiSparse is refused beside a pipeline and beside decode context parallelism."""
    connector = inside(facts, "kv-transfer-config").get("kv_connector")
    sparse = inside(facts, "attention-config").get("hisparse_config") or (
        connector if connector is not None and connector.value == "HiSparseConnector" else None
    )
    for name in ("pipeline-parallel-size", "decode-context-parallel-size"):
        size = facts.setting(name)
        number = counted(size)
        if sparse is not None and size is not None and number is not None and number > 1:
            yield contradicts(
                RULE, size, sparse, "HiSparse runs on one stage and one rank of the context",
                remedy="take one of the two out",
            )  # fmt: skip


RULE = Rule("MX241", "sparse-context-pipeline", Severity.ERROR, check, since="0.30.0")
