"""MX222: a string where the option takes a list."""

import json
from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.values import problems


def check(facts: Facts) -> Iterator[Diagnostic]:
    """`--allowed-origins` and its like are JSON lists, also for one item."""
    for problem in problems(facts, RULE.code):
        fix = f"[{json.dumps(problem.value, ensure_ascii=False)}]"
        yield RULE.finding(
            f"`{problem.setting.name}` takes a list, this is a string",
            problem.setting.place.value,
            key=problem.setting.key,
            label=f"write {fix}",
            fix=fix,
            safe="," not in str(problem.value),
        )


RULE = Rule("MX222", "string-for-list", Severity.ERROR, check)
