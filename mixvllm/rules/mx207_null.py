"""MX207: null where the option has no null."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.values import problems


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A key without a value is null; vLLM's own loader would send the word ``None``."""
    for problem in problems(facts, RULE.code):
        yield RULE.finding(
            f"`{problem.setting.name}` has no value, and null is none that it takes",
            problem.setting.place.key,
            key=problem.setting.key,
            label="write a value, or take the line out",
        )


RULE = Rule("MX207", "null", Severity.ERROR, check)
