"""With LoRA a batch holds the drafts of all its requests.

vLLM 0.32.0, `engine/arg_utils.py`, `create_engine_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import whole
from mixvllm.rules.combinations.pairs import misfit
from mixvllm.rules.combinations.speculation.asked import asked


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when it is too small, where the profile says all three numbers."""
    batch, requests = facts.setting("max-num-batched-tokens"), facts.setting("max-num-seqs")
    tokens = whole(asked(facts).get("num_speculative_tokens"))
    if facts.switched_on("enable-lora") is None or batch is None or requests is None:
        return
    size, count = whole(batch), whole(requests)
    if size is None or count is None or tokens is None or min(size, count, tokens) < 1:
        return
    if size < count * (tokens + 1):
        yield misfit(
            RULE, batch, requests,
            f"{count} requests with {tokens} drafts each need {count * (tokens + 1)} tokens",
            remedy=f"{count * (tokens + 1)} or more",
        )  # fmt: skip


RULE = Rule("MX242", "lora-batch-tokens", Severity.ERROR, check)
