"""Nsight profiles Ray's workers, and no others.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig._verify_args`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when the workers are not Ray's."""
    switch = facts.switched_on("ray-workers-use-nsight")
    executor = facts.value_of("distributed-executor-backend")
    if switch is None:
        return
    by_default = executor is None and facts.value_of("data-parallel-backend") != "ray"
    if by_default or executor in ("mp", "uni", "external_launcher"):
        yield needs(
            RULE, switch, "distributed-executor-backend", "only Ray's workers are profiled so",
            remedy="set distributed-executor-backend to ray",
        )  # fmt: skip


RULE = Rule("MX240", "nsight-ray", Severity.ERROR, check)
