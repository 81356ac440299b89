"""MX207: null where the option has no null."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.values import problems
from mixvllm.settings.written import written


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A key without a value is null; vLLM's own loader would send the word ``None``."""
    for problem in problems(facts, RULE.code):
        place = problem.setting.place
        said = written(facts.resolved.texts, place.value)  # `null`, or nothing at all
        yield RULE.finding(
            f"`{problem.setting.name}` "
            + ("does not take null" if said else "has no value, and null is none that it takes"),
            place.value if said else place.key,
            key=problem.setting.key,
            label="write a value, or take the line out",
        )


RULE = Rule("MX207", "null", Severity.ERROR, check)
