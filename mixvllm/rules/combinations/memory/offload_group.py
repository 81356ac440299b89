"""More layers to offload than a group has.

vLLM 0.32.0, `config/offload.py`, `OffloadConfig.validate_offload_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count
from mixvllm.rules.combinations.pairs import unfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """So many layers of each group are offloaded."""
    group, layers = count(facts, "offload-group-size"), count(facts, "offload-num-in-group")
    size, number = facts.setting("offload-group-size"), facts.setting("offload-num-in-group")
    if group is None or layers is None or size is None or number is None:
        return
    if 0 < group < layers:
        yield unfit(
            RULE, number, f"is {layers}, and a group has {group} layers", size,
            remedy=f"at most {group}",
        )  # fmt: skip


RULE = Rule("MX242", "offload-group", Severity.ERROR, check)
