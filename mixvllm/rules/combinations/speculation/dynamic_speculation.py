"""The number of drafts follows the batch on one rank only.

vLLM 0.32.0, `config/vllm.py`, `_maybe_disable_dynamic_sd_for_data_parallel`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import whole
from mixvllm.rules.combinations.pairs import overruled
from mixvllm.rules.combinations.speculation.asked import asked


def check(facts: Facts) -> Iterator[Diagnostic]:
    """With data parallelism the schedule is passed over."""
    schedule = asked(facts).get("num_speculative_tokens_per_batch_size")
    copies = facts.setting("data-parallel-size")
    if schedule is None or not schedule.value or copies is None or (whole(copies) or 1) <= 1:
        return
    yield overruled(
        RULE, schedule, copies, "ranks with different batches would wait for each other",
        remedy="take it out: num_speculative_tokens holds",
    )  # fmt: skip


RULE = Rule("MX243", "dynamic-speculation", Severity.WARNING, check, since="0.26")
