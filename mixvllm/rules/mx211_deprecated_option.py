"""MX211: an option that vLLM will remove."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.vllm.advice import DEPRECATED


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
        )


RULE = Rule("MX211", "deprecated-option", Severity.WARNING, check)
