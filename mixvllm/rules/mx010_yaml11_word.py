"""MX010: a bare word that YAML 1.1 reads as a boolean."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import FileSpan, KeyPath, Origin, dotted
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.values import NAMES_A_METHOD, YAML11_WORDS, problems
from mixvllm.settings.layers import Value
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
    for key, value, origin in _words(facts):
        if (
            not isinstance(value, str)
            or value.lower() not in YAML11_WORDS
            or not isinstance(origin, FileSpan)
            or facts.resolved.is_quoted(origin)
        ):
            continue
        yield RULE.finding(
            f"`{dotted(key)}`: {value} is a boolean in YAML 1.1, a string here; quote it",
            origin,
            key=key,
            label=f'write "{value}"',
            fix=f'"{value}"',
        )


def _words(facts: Facts) -> Iterator[tuple[KeyPath, Value, Origin]]:
    """The values, and items of lists, of options that take any text."""
    for setting in facts.settings:
        option, value = setting.option, setting.value
        if option is None or option.kind is not Kind.STRING or option.choices is not None:
            continue
        if option.name in NAMES_A_METHOD:
            continue
        if isinstance(value, list):
            for i, item in enumerate(value):
                yield (*setting.key, i), item, facts.place((*setting.key, i)).value
        else:
            yield setting.key, value, setting.place.value


RULE = Rule("MX010", "yaml11-word", Severity.WARNING, check)
