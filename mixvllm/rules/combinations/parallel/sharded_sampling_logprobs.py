"""Sampling that is split cannot give the whole vocabulary.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig._validate_batch_sharded_sampling`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when a request may ask for log probabilities of every token."""
    switch, most = facts.switched_on("enable-batch-sharded-sampling"), facts.setting("max-logprobs")
    if switch is None or most is None:
        return
    if type(most.value) is int and most.value < 0:
        yield contradicts(
            RULE, most, switch, "ranks exchange a fixed number of log probabilities",
            remedy="write a number, or take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "sharded-sampling-logprobs", Severity.ERROR, check)
