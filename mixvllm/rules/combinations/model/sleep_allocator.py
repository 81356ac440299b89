"""Sleep mode needs its allocator.

vLLM 0.32.0, `config/model.py`, `ModelConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import overruled


def check(facts: Facts) -> Iterator[Diagnostic]:
    """On GPUs the allocator is switched on again."""
    sleep, allocator = (
        facts.switched_on("enable-sleep-mode"),
        facts.setting("enable-cumem-allocator"),
    )
    if sleep is not None and allocator is not None and allocator.value is False:
        yield overruled(
            RULE, allocator, sleep, "memory can be given back with this allocator only",
            remedy="take it out",
        )  # fmt: skip


RULE = Rule("MX243", "sleep-allocator", Severity.WARNING, check, since="0.22")
