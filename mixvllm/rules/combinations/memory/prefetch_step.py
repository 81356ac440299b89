"""Layers that are fetched, and none ahead.

vLLM 0.32.0, `config/offload.py`, `OffloadConfig.validate_offload_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count, counted
from mixvllm.rules.combinations.pairs import unfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """While layers are fetched at all, one is fetched ahead at least."""
    step, group = facts.setting("offload-prefetch-step"), facts.setting("offload-group-size")
    on = count(facts, "offload-group-size") or facts.value_of("offload-backend") == "prefetch"
    if step is not None and counted(step) == 0 and on:
        yield unfit(
            RULE, step, "is 0, and the layers of a group are fetched ahead", group,
            remedy="at least 1",
        )  # fmt: skip


RULE = Rule("MX242", "prefetch-step", Severity.ERROR, check)
