"""More long partial prefills than partial prefills.

vLLM 0.26.0, `config/scheduler.py`, `SchedulerConfig.verify_max_model_len`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count, counted
from mixvllm.rules.combinations.pairs import unfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The long ones are a part of all of them, of which there is one by default."""
    setting = facts.setting("max-long-partial-prefills")
    most = count(facts, "max-num-partial-prefills")
    long = counted(setting)
    if setting is not None and long is not None and most is not None and long > most:
        yield unfit(
            RULE, setting, f"is {long}, and `max-num-partial-prefills` is {most}",
            facts.setting("max-num-partial-prefills"), remedy=f"at most {most}",
        )  # fmt: skip


RULE = Rule("MX242", "long-partial-prefills", Severity.ERROR, check)
