"""More data-parallel ranks on this machine than there are.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig._validate_parallel_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import unfit
from mixvllm.rules.combinations.parallel.ranks import external, ranks


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The local ranks are a part of all of them, of which there is one by default."""
    local = facts.setting("data-parallel-size-local")
    number = counted(local)
    size = ranks(facts)
    if local is None or number is None or size is None or external(facts):
        return
    if number > size:
        yield unfit(
            RULE, local, f"is {number}, and `data-parallel-size` is {size}",
            facts.setting("data-parallel-size"), remedy="raise data-parallel-size, or lower this",
        )  # fmt: skip


RULE = Rule("MX242", "local-ranks", Severity.ERROR, check)
