"""Two ways of offloading weights, of which one is taken.

vLLM 0.32.0, `config/offload.py`, `OffloadConfig.validate_offload_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import overruled
from mixvllm.settings.engine import EngineSetting


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The backend chooses; without one, groups win over gigabytes. vLLM warns in its log."""
    memory, groups = facts.setting("cpu-offload-gb"), facts.setting("offload-group-size")
    chosen, backend = facts.value_of("offload-backend"), facts.setting("offload-backend")
    if chosen == "uva" and backend is not None and _is_on(groups):
        yield from _passed_over(groups, backend)
    elif chosen == "prefetch" and backend is not None and _is_on(memory):
        yield from _passed_over(memory, backend)
    elif chosen == "auto" and groups is not None and _is_on(groups) and _is_on(memory):
        yield from _passed_over(memory, groups)


def _is_on(setting: EngineSetting | None) -> bool:
    value = None if setting is None else setting.value
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _passed_over(here: EngineSetting | None, there: EngineSetting) -> Iterator[Diagnostic]:
    if here is not None:
        yield overruled(RULE, here, there, "weights are offloaded in one way", remedy="take it out")


RULE = Rule("MX243", "offload-one-way", Severity.WARNING, check)
