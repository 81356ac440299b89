"""Tables that are shared with nobody.

vLLM 0.32.0, `config/engram.py`, `EngramConfig.verify_parallel_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import needs
from mixvllm.rules.combinations.parallel.ranks import ranks


def check(facts: Facts) -> Iterator[Diagnostic]:
    """They are shared by data-parallel ranks, of which there must be several."""
    shared = inside(facts, "engram-config").get("dp_shared_memory")
    if shared is not None and shared.value is True and ranks(facts) == 1:
        yield needs(
            RULE, shared, "data-parallel-size", "tables are shared by data-parallel ranks",
            remedy="set data-parallel-size to 2 or more, or take this out",
        )  # fmt: skip


RULE = Rule("MX240", "engram-ranks", Severity.ERROR, check)
