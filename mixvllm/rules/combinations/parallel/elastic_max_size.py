"""More ranks at the start than there may ever be.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import misfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The first number of ranks counts too."""
    most, size = facts.setting("elastic-ep-max-dp-size"), facts.setting("data-parallel-size")
    limit, first = counted(most), counted(size)
    if most is None or size is None or limit is None or first is None:
        return
    if facts.switched_on("enable-elastic-ep") and limit < first:
        yield misfit(
            RULE, most, size, f"there are {first} ranks from the start", remedy=f"at least {first}"
        )


RULE = Rule("MX242", "elastic-max-size", Severity.ERROR, check)
