"""Terms for faults that are not tolerated.

vLLM 0.32.0, `engine/arg_utils.py`, `EngineArgs.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import idle


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Nothing reads them while fault tolerance is off."""
    config = facts.setting("fault-tolerance-config")
    if config is not None and config.value and facts.value_of("enable-fault-tolerance") is False:
        yield idle(RULE, config, "enable-fault-tolerance", "no fault is tolerated")


RULE = Rule("MX243", "fault-tolerance-config", Severity.WARNING, check)
