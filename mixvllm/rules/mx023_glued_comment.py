"""MX023: a comment that is part of an option's value."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.values import glued_comment, problems


def check(facts: Facts) -> Iterator[Diagnostic]:
    """`#` begins a comment only behind a blank; for YAML ``64#more`` is one word."""
    for problem in problems(facts, RULE.code):
        fix = glued_comment(facts, problem.setting)
        yield RULE.finding(
            f"`{problem.setting.name}` does not take `{problem.value}`;"
            " a comment needs a space before '#'",
            problem.setting.place.value, key=problem.setting.key, label=f"write `{fix}`", fix=fix,
        )  # fmt: skip


RULE = Rule("MX023", "glued-comment", Severity.ERROR, check)
