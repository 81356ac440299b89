"""The draft model's split has a name of its own.

vLLM 0.32.0, `config/speculative.py`, `SpeculativeConfig._verify_args`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs
from mixvllm.rules.combinations.speculation.asked import asked


def check(facts: Facts) -> Iterator[Diagnostic]:
    """`tensor_parallel_size` is there only to be refused."""
    size = asked(facts).get("tensor_parallel_size")
    if size is not None:
        yield needs(
            RULE, size, "draft_tensor_parallel_size", "that is its name for the draft model",
            remedy="write draft_tensor_parallel_size",
        )  # fmt: skip


RULE = Rule("MX240", "draft-tensor-parallel-name", Severity.ERROR, check, since="0.15")
