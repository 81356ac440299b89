"""Nodes or CPUs to bind to, and no binding.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig._validate_parallel_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused unless binding is switched on."""
    if facts.value_of("numa-bind") is not False:
        return
    for name in ("numa-bind-nodes", "numa-bind-cpus"):
        setting = facts.setting(name)
        if setting is not None and setting.value is not None:
            yield needs(RULE, setting, "numa-bind", "workers are bound only when it is on")


RULE = Rule("MX240", "numa-binding", Severity.ERROR, check)
