"""Ray chooses the cards.

vLLM 0.32.0, `engine/arg_utils.py`, `EngineArgs._resolve_device_ids`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import overruled


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM passes over the list, with a line in its log."""
    ids, executor = facts.setting("device-ids"), facts.setting("distributed-executor-backend")
    if ids is not None and ids.value and executor is not None and executor.value == "ray":
        yield overruled(RULE, ids, executor, "Ray chooses the cards", remedy="take it out")


RULE = Rule("MX243", "device-ids-ray", Severity.WARNING, check)
