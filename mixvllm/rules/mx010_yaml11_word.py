"""MX010: a bare word that YAML 1.1 reads as a boolean."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import FileSpan, dotted
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.values import NAMES_A_METHOD, YAML11_WORDS, problems
from mixvllm.vllm.option import Kind


def check(facts: Facts) -> Iterator[Diagnostic]:
    """``no``, ``off``, ``yes`` and ``on`` are strings in YAML 1.2 and booleans in YAML 1.1.

    Where the option takes one of a few words, the string is refused; elsewhere the operator is
    asked to quote it.
    """
    for problem in problems(facts, RULE.code):
        setting = problem.setting
        hint = "omit the option to leave it to vLLM" if problem.option.optional else ""
        yield RULE.finding(
            f'{problem.value} is the string "{problem.value}", not false and not null;'
            f" {setting.name} does not take it",
            setting.place.value,
            key=setting.key,
            hint=hint or f"choices: {', '.join(map(str, problem.option.choices or ()))}",
            severity=Severity.ERROR,
        )
    for setting in facts.settings:
        value = setting.value
        if (
            setting.option is None
            or setting.option.choices is not None
            or setting.option.name in NAMES_A_METHOD
            or setting.option.kind is not Kind.STRING
            or not isinstance(value, str)
            or value.lower() not in YAML11_WORDS
            or not isinstance(setting.place.value, FileSpan)
            or facts.resolved.is_quoted(setting.place.value)
        ):
            continue
        yield RULE.finding(
            f"`{dotted(setting.key)}`: {value} is a boolean in YAML 1.1, a string here; quote it",
            setting.place.value,
            key=setting.key,
            label=f'write "{value}"',
            fix=f'"{value}"',
        )


RULE = Rule("MX010", "yaml11-word", Severity.WARNING, check)
