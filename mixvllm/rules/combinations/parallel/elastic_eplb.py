"""Expert parallelism that grows and shrinks needs experts that can be moved.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused without the balancing of experts."""
    switch = facts.switched_on("enable-elastic-ep")
    if switch is not None and facts.value_of("enable-eplb") is False:
        yield needs(RULE, switch, "enable-eplb", "experts are moved when ranks come and go")


RULE = Rule("MX240", "elastic-eplb", Severity.ERROR, check)
