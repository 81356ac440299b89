"""Copies of experts are made by the balancing of their load.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig._validate_parallel_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused without it, whatever their number."""
    copies = inside(facts, "eplb-config").get("num_redundant_experts")
    if copies is not None and counted(copies) and facts.value_of("enable-eplb") is False:
        yield needs(RULE, copies, "enable-eplb", "only it makes copies of experts")


RULE = Rule("MX240", "redundant-experts", Severity.ERROR, check)
