"""A sampling mask and one's own logits processors.

vLLM 0.32.0, `config/vllm.py`, `_verify_sampling_replay_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused together."""
    mask, processors = facts.switched_on("return-sampling-mask"), facts.setting("logits-processors")
    if mask is not None and processors is not None and processors.value:
        yield contradicts(
            RULE, mask, processors, "what they do to logits is not in the mask",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "sampling-mask-processors", Severity.ERROR, check, since="0.28")
