"""Huge pages are for tables of one's own in main memory.

vLLM 0.32.0, `config/engram.py`, `EngramConfig._validate_shared_memory`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused for tables on the card, and for shared ones."""
    keys = inside(facts, "engram-config")
    pages, memory, shared = (
        keys.get(name) for name in ("use_thp", "cpu_offload", "dp_shared_memory")
    )
    if pages is None or pages.value is not True:
        return
    other = (
        memory if memory is not None and memory.value is False
        else shared if shared is not None and shared.value is True
        else None
    )  # fmt: skip
    if other is not None:
        yield contradicts(
            RULE, pages, other, "huge pages are for an engine's own tables in main memory",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "engram-huge-pages", Severity.ERROR, check, since="0.31.0")
