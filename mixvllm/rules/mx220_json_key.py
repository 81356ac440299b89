"""MX220, MX221 and MX203: the inside of an option that takes JSON."""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import KeyPath
from mixvllm.rules.base import Facts, Rule, shown
from mixvllm.rules.values import problems
from mixvllm.settings.layers import Place, Value


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Keys of a JSON option are those of a configuration class of vLLM; others are refused at
    the start. JSON in a string must be JSON; YAML below the key says the same more readably.
    """
    for setting in facts.settings:
        if setting.option and setting.option.config:
            config, value = setting.option.config, setting.value
            text = setting.place if isinstance(value, str) else None
            read = _read(value) if isinstance(value, str) else value
            yield from _keys(facts, config, read, setting.key, text)
    for problem in problems(facts, _BROKEN.code):
        try:
            json.loads(str(problem.value))
        except ValueError as error:
            yield _BROKEN.finding(
                f"`{problem.setting.name}` is not JSON: {error}",
                problem.setting.place.value,
                key=problem.setting.key,
                label="write it as YAML below the key",
            )


def _keys(
    facts: Facts, config: str, value: Value, at: KeyPath, text: Place | None = None
) -> Iterator[Diagnostic]:
    """What is wrong below a key; ``text`` is the place of the string that holds it all."""
    known = facts.options.config_keys(config)
    if known is None or not isinstance(value, Mapping):
        return
    for key, inner in value.items():
        path = (*at, key)
        place = text or facts.place(path)
        if key in known:
            nested = known[key].config
            if nested:
                yield from _keys(facts, nested, inner, path, text)
            choices = known[key].choices
            if choices is not None and isinstance(inner, str | int) and inner not in choices:
                near = _near(str(inner), map(str, choices))
                words = ", ".join(shown(choice) for choice in choices)
                yield _CHOICE.finding(
                    f"`{key}` of {config} does not take `{shown(inner)}`"
                    f" (vLLM {facts.options.release})",
                    place.value, key=path, label=f"did you mean `{near[0]}`?" if near else "",
                    hint=f"choices: {words}", fix=near[0] if near and not text else None,
                )  # fmt: skip
            continue
        near = _near(str(key).replace("-", "_"), known)
        yield RULE.finding(
            f"unknown key `{key}` in {config} (vLLM {facts.options.release})",
            place.value if text else place.key,
            key=path,
            label=f"did you mean `{near[0]}`?" if near else "",
            hint="" if near else f"known: {', '.join(sorted(known))}",
            fix=near[0] if near and not text else None,
        )


def _near(word: str, known: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(word, list(known), n=1)


def _read(text: str) -> Value:
    """JSON in a string, as vLLM reads it; None where it is none (MX221)."""
    try:
        value: Value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value


RULE = Rule("MX220", "json-key", Severity.ERROR, check)
_BROKEN = Rule("MX221", "broken-json", Severity.ERROR, check)
_CHOICE = Rule("MX203", "not-a-choice", Severity.ERROR, check)
