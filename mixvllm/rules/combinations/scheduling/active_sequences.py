"""More running requests than a batch takes.

vLLM 0.32.0, `config/scheduler.py`, `SchedulerConfig.verify_max_model_len`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import misfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The runner is built for `max-num-seqs` requests."""
    active, most = facts.setting("max-num-active-seqs"), facts.setting("max-num-seqs")
    wanted, requests = counted(active), counted(most)
    if active is None or most is None or wanted is None or requests is None:
        return
    if wanted > requests:
        yield misfit(
            RULE, active, most, f"the runner is built for {requests}", remedy=f"at most {requests}"
        )


RULE = Rule("MX242", "active-sequences", Severity.ERROR, check)
