"""MX211: an option that vLLM will remove."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Fix, Severity
from mixvllm.rules.amends import line_out, moved
from mixvllm.rules.base import Facts, Rule
from mixvllm.settings.engine import EngineSetting
from mixvllm.vllm.advice import DEPRECATED, IDLE
from mixvllm.vllm.moves import moved_option
from mixvllm.vllm.option import Option


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM still takes it, says so in its log, and drops it in a later release."""
    for setting in facts.settings:
        if setting.option is None or not setting.option.deprecated:
            continue
        leaves = setting.option.leaves
        due = "vLLM meant to remove it in" if leaves == facts.options.release else "it leaves in"
        when = f"; {due} {leaves}" if leaves else ""
        yield RULE.finding(
            f"vLLM option `{setting.name}` is deprecated in {facts.options.release}{when}",
            setting.place.key,
            key=setting.key,
            label=DEPRECATED.get(setting.option.name, ""),
            fix=_fix(facts, setting, setting.option),
        )


def _fix(facts: Facts, setting: EngineSetting, option: Option) -> Fix | None:
    """What says the same; or the line taken out, where it says what is so without it."""
    if option.name in IDLE and setting.value is IDLE[option.name]:
        return line_out(facts, setting.place)
    return moved(facts, setting, moved_option(option.name, setting.value))


RULE = Rule("MX211", "deprecated-option", Severity.WARNING, check)
