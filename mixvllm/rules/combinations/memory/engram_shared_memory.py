"""Tables that are shared in memory, and are not there.

vLLM 0.32.0, `config/engram.py`, `EngramConfig._validate_shared_memory`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Only tables in main memory can be shared."""
    keys = inside(facts, "engram-config")
    shared, memory = keys.get("dp_shared_memory"), keys.get("cpu_offload")
    if shared is not None and memory is not None and shared.value is True and memory.value is False:
        yield contradicts(
            RULE, shared, memory, "only tables in main memory can be shared",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "engram-shared-memory", Severity.ERROR, check)
