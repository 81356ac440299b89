"""MX223: a value of a type that the option cannot take."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule, shown
from mixvllm.rules.values import problems
from mixvllm.vllm.option import Kind

_WANTED = {
    Kind.FLAG: "true or false",
    Kind.SWITCH: "true or false",
    Kind.INTEGER: "an integer",
    Kind.HUMAN_INTEGER: "an integer such as 32768, 32k or 32K",
    Kind.HUMAN_INTEGER_OR_AUTO: "an integer such as 32768, 32k or 32K, or auto",
    Kind.NUMBER: "a number",
    Kind.JSON: "a mapping or a list",
}


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM's parser would refuse the text, or read another value than the one written."""
    for problem in problems(facts, RULE.code):
        many = " (or a list of them)" if problem.option.many else ""
        wanted = _WANTED.get(problem.option.kind, "a string") + many
        text = shown(problem.value)
        quoted = isinstance(problem.value, str) and text.strip().lstrip("+-").isdecimal()
        yield RULE.finding(
            f"`{problem.setting.name}` takes {wanted}, not "
            + ("a string" if quoted else f"`{text}`"),
            problem.setting.place.value,
            key=problem.setting.key,
            label=f"write {text}, without quotes" if quoted else wanted,
            fix=text if quoted else None,
        )


RULE = Rule("MX223", "wrong-type", Severity.ERROR, check)
