"""MX818: more memory for the KV cache than the machine has."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.units import show_size
from mixvllm.rules.base import Facts, Rule


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The CPU build keeps its KV cache in the machine's memory: VLLM_CPU_KVCACHE_SPACE, in GiB.
    It finds out when the model is loaded (vllm/v1/worker/cpu_worker.py, 0.32.0). The limit of a
    container counts.
    """
    has = facts.seen.memory_bytes if facts.seen is not None else None
    given = facts.variable("VLLM_CPU_KVCACHE_SPACE")
    if has is None or given is None:
        return
    text, origin, key = given
    if text.strip().isdecimal() and int(text) * 2**30 > has:
        yield RULE.finding(
            f"VLLM_CPU_KVCACHE_SPACE asks for {text.strip()} GiB, more than this machine has",
            origin, key=key, label=f"it has {show_size(has)}",
        )  # fmt: skip


RULE = Rule("MX818", "cpu-memory", Severity.ERROR, check)
