"""Sparse attention over main memory admits what fits.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """HiSparse is refused without the check of whole prompts, and without the hybrid manager."""
    connector = inside(facts, "kv-transfer-config").get("kv_connector")
    sparse = inside(facts, "attention-config").get("hisparse_config") or (
        connector if connector is not None and connector.value == "HiSparseConnector" else None
    )
    if sparse is None:
        return
    for setting in (
        facts.switched_off("scheduler-reserve-full-isl"),
        facts.switched_on("disable-hybrid-kv-cache-manager"),
    ):
        if setting is not None:
            yield contradicts(
                RULE, setting, sparse, "HiSparse counts the blocks of whole prompts, of every kind",
                remedy="take it out",
            )  # fmt: skip


RULE = Rule("MX241", "sparse-admission", Severity.ERROR, check, since="0.31.0")
