"""An exchange between ranks that share no cache.

vLLM 0.28.0, `config/parallel.py`, `ParallelConfig._validate_parallel_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The all-to-all exchange was refused where there is one rank."""
    backend = facts.setting("dcp-comm-backend")
    if (
        backend is not None
        and backend.value == "a2a"
        and count(facts, "decode-context-parallel-size") == 1
    ):
        yield needs(
            RULE, backend, "decode-context-parallel-size", "a2a is an exchange between ranks",
            remedy="set decode-context-parallel-size to 2 or more, or take this out",
        )  # fmt: skip


RULE = Rule("MX240", "decode-context-exchange", Severity.ERROR, check, until="0.29.0")
