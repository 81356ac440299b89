"""A sampling mask belongs to processed log probabilities.

vLLM 0.32.0, `config/vllm.py`, `_verify_sampling_replay_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with any others, so with the default too."""
    mask = facts.switched_on("return-sampling-mask")
    if mask is not None and facts.value_of("logprobs-mode") != "processed_logprobs":
        yield needs(
            RULE, mask, "logprobs-mode", "mask and probabilities must be of the same tokens",
            remedy="set logprobs-mode to processed_logprobs",
        )  # fmt: skip


RULE = Rule("MX240", "sampling-mask-logprobs", Severity.ERROR, check, since="0.28")
