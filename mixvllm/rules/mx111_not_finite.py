"""MX111: a time that has no end."""

import math
from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import dotted
from mixvllm.rules.base import Facts, Rule
from mixvllm.settings.fields import all_fields


def check(facts: Facts) -> Iterator[Diagnostic]:
    """``.inf`` is a number in YAML, but nothing that a clock reaches; the bounds let it pass."""
    for key in (field.path for field in all_fields() if field.path[0] == "supervisor"):
        if facts.resolved.value(*map(str, key)) == math.inf:
            yield RULE.finding(
                f"`{dotted(key)}` is inf; it must be a finite number of seconds",
                facts.place(key).value, key=key, label="write e.g. 90s or 10m",
            )  # fmt: skip


RULE = Rule("MX111", "not-finite", Severity.ERROR, check)
