"""Several partial prefills, and none that may be partial.

vLLM 0.26.0, `config/scheduler.py`, `SchedulerConfig.verify_max_model_len`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Prefills run side by side in chunks."""
    several = facts.setting("max-num-partial-prefills")
    chunks = facts.switched_off("enable-chunked-prefill")
    number = counted(several)
    if several is not None and chunks is not None and number is not None and number > 1:
        yield contradicts(
            RULE, several, chunks, "prefills run side by side in chunks",
            remedy="leave enable-chunked-prefill on, or take this out",
        )  # fmt: skip


RULE = Rule("MX241", "partial-prefills-chunked", Severity.ERROR, check)
