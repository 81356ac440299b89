"""MX223: a value of a type that the option cannot take."""

import re
from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule, shown
from mixvllm.rules.values import Problem, problems
from mixvllm.vllm.option import Kind
from mixvllm.vllm.words import KINDS, json_takes

_INTEGERS: Final = {Kind.INTEGER, Kind.HUMAN_INTEGER, Kind.HUMAN_INTEGER_OR_AUTO}
_GROUPED: Final = re.compile(r"\d{1,3}(?:([,._ ' ])\d{3})(?:\1\d{3})*")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM's parser would refuse the text, or read another value than the one written."""
    for problem in problems(facts, RULE.code):
        many = " (or a list of them)" if problem.option.many else ""
        wanted = json_takes(problem.option) or KINDS[problem.option.kind] + many
        text = shown(problem.value)
        quoted = isinstance(problem.value, str) and text.strip().lstrip("+-").isdecimal()
        anew = text.strip() if quoted else _anew(problem)
        yield RULE.finding(
            f"`{problem.setting.name}` takes {wanted}, not "
            + ("a string" if quoted else f"`{text}`"),
            problem.setting.place.value,
            key=problem.setting.key,
            label=f"write {anew}{', without quotes' if quoted else ''}" if anew else "",
            fix=anew if problem.is_whole else None,
            safe=quoted,
        )


def _anew(problem: Problem) -> str | None:
    """``1`` as a switch takes it, ``16,384`` as a number is written."""
    kind, value = problem.option.kind, problem.value
    if kind in (Kind.FLAG, Kind.SWITCH):
        return {0: "false", 1: "true"}.get(value) if isinstance(value, int) else None
    if kind in _INTEGERS and isinstance(value, str) and _GROUPED.fullmatch(value):
        return re.sub(r"\D", "", value)
    return None


RULE = Rule("MX223", "wrong-type", Severity.ERROR, check)
