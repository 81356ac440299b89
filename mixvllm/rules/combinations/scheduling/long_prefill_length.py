"""No prompt is as long as what counts as long.

vLLM 0.32.0, `config/scheduler.py`, `SchedulerConfig.verify_max_model_len`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count, counted
from mixvllm.rules.combinations.pairs import misfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused; before 0.27 only where partial prefills run side by side."""
    threshold = facts.setting("long-prefill-token-threshold")
    longest = facts.setting("max-model-len")
    tokens, length = counted(threshold), counted(longest)
    if threshold is None or longest is None or tokens is None or length is None:
        return
    if facts.options.find("max-num-partial-prefills") and count(
        facts, "max-num-partial-prefills"
    ) in (0, 1, None):
        return
    if tokens > length:
        yield misfit(
            RULE,
            threshold,
            longest,
            f"no prompt is longer than {length}",
            remedy=f"at most {length}",
        )


RULE = Rule("MX242", "long-prefill-length", Severity.ERROR, check)
