"""A batch that no whole prompt fits into.

vLLM 0.32.0, `config/scheduler.py`, `SchedulerConfig.verify_max_model_len`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import misfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Without chunked prefill the longest prompt goes into one batch."""
    batch, longest = facts.setting("max-num-batched-tokens"), facts.setting("max-model-len")
    tokens, length = counted(batch), counted(longest)
    if batch is None or longest is None or tokens is None or length is None:
        return
    if facts.switched_off("enable-chunked-prefill") and tokens < length:
        yield misfit(
            RULE, batch, longest, "without chunked prefill a prompt goes into one batch",
            remedy=f"at least {length}, or leave enable-chunked-prefill on",
        )  # fmt: skip


RULE = Rule("MX242", "batch-below-length", Severity.ERROR, check)
