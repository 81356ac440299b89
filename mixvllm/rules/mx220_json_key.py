"""MX220 and MX221: the inside of an option that takes JSON."""

import difflib
import json
from collections.abc import Iterator, Mapping

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import KeyPath
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.values import problems
from mixvllm.settings.layers import Value


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Keys of a JSON option are those of a configuration class of vLLM; others are refused at
    the start. JSON in a string must be JSON; YAML below the key says the same more readably.
    """
    for setting in facts.settings:
        if setting.option and setting.option.config:
            yield from _keys(facts, setting.option.config, setting.value, setting.key)
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


def _keys(facts: Facts, config: str, value: Value, at: KeyPath) -> Iterator[Diagnostic]:
    known = facts.options.config_keys(config)
    if known is None or not isinstance(value, Mapping):
        return
    for key, inner in value.items():
        path = (*at, key)
        if key in known:
            nested = known[key].config
            if nested:
                yield from _keys(facts, nested, inner, path)
            continue
        near = difflib.get_close_matches(str(key).replace("-", "_"), list(known), n=1)
        yield RULE.finding(
            f"unknown key `{key}` in {config} (vLLM {facts.options.release})",
            facts.place(path).key,
            key=path,
            label=f"did you mean `{near[0]}`?" if near else "",
            hint="" if near else f"known: {', '.join(sorted(known))}",
            fix=near[0] if near else None,
        )


RULE = Rule("MX220", "json-key", Severity.ERROR, check)
_BROKEN = Rule("MX221", "broken-json", Severity.ERROR, check)
