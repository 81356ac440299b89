"""Scheduling ahead of workers that cannot be scheduled ahead.

vLLM 0.19.1, `config/vllm.py`, `VllmConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Ray's first executor waits for each step."""
    switch = facts.switched_on("async-scheduling")
    executor = facts.setting("distributed-executor-backend")
    if switch is not None and executor is not None and executor.value == "ray":
        yield contradicts(
            RULE, switch, executor, "Ray's executor waits for each step", remedy="take it out"
        )


RULE = Rule("MX241", "async-executor", Severity.ERROR, check, until="0.20.2")
