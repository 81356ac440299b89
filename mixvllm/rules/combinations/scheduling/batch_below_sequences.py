"""A batch of fewer tokens than requests.

vLLM 0.32.0, `config/scheduler.py`, `SchedulerConfig.verify_max_model_len`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import misfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Each request of a batch takes a token at least."""
    batch, most = facts.setting("max-num-batched-tokens"), facts.setting("max-num-seqs")
    tokens, requests = counted(batch), counted(most)
    if batch is None or most is None or tokens is None or requests is None:
        return
    if tokens < requests:
        yield misfit(
            RULE, batch, most, f"{requests} requests need {requests} tokens a step",
            remedy=f"at least {requests}",
        )  # fmt: skip


RULE = Rule("MX242", "batch-below-sequences", Severity.ERROR, check)
