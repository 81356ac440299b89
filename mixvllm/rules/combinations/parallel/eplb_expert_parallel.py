"""Balancing the load of experts needs experts that are spread.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig._validate_parallel_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused without expert parallelism."""
    switch = facts.switched_on("enable-eplb")
    if switch is not None and facts.value_of("enable-expert-parallel") is False:
        yield needs(
            RULE,
            switch,
            "enable-expert-parallel",
            "experts are moved between ranks",
        )


RULE = Rule("MX240", "eplb-expert-parallel", Severity.ERROR, check)
