"""The size of the KV cache, given twice.

vLLM 0.32.0, `v1/worker/gpu_worker.py`, `Worker.determine_available_memory`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import overruled


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Bytes win over a share of the card."""
    size, share = facts.setting("kv-cache-memory-bytes"), facts.setting("gpu-memory-utilization")
    if size is not None and share is not None and size.value:
        yield overruled(
            RULE,
            share,
            size,
            "the KV cache is as large as that says",
            remedy="take one of the two out",
        )


RULE = Rule("MX243", "cache-bytes", Severity.WARNING, check)
