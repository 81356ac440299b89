"""MX205 and MX206: suffixes of numbers."""

import re
from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.values import problem_of, problems
from mixvllm.vllm.option import Kind
from mixvllm.vllm.quantity import human_integer

_HUMAN = (Kind.HUMAN_INTEGER, Kind.HUMAN_INTEGER_OR_AUTO)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM knows k, m, g, t (powers of 1000) and K, M, G, T (powers of 1024), on some options."""
    for problem in problems(facts, RULE.code):
        text = str(problem.value)
        number, letter = re.findall(r"[\d.]+|[A-Za-z]", text)[:2]
        takes = problem.option.kind in _HUMAN
        small, large = f"{number}{letter.lower()}", f"{number}{letter.upper()}"
        yield RULE.finding(
            f"`{problem.setting.name}` does not understand {text}",
            problem.setting.place.value,
            key=problem.setting.key,
            label=f"write {large}" if takes else "write the number in full",
            hint=f"{small} is {human_integer(small)}, {large} is {human_integer(large)}"
            if takes and "." not in number
            else "",
            fix=large if takes and "." not in number else None,
        )
    for setting in facts.settings:
        value = setting.value
        if (
            setting.option is None
            or setting.option.kind not in _HUMAN
            or not isinstance(value, str)
        ):
            continue
        if re.fullmatch(r"\d+[kmgt]", value) and problem_of(setting.option, value) is None:
            yield _K.finding(
                f"{value} is {human_integer(value)}; {value.upper()} would be"
                f" {human_integer(value.upper())}",
                setting.place.value,
                key=setting.key,
            )


RULE = Rule("MX205", "number-suffix", Severity.ERROR, check)
_K = Rule("MX206", "k-is-1000", Severity.INFO, check)
