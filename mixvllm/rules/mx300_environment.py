"""MX300 to MX305: variables under `vllm.env`."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule, shown
from mixvllm.rules.values import unspeakable
from mixvllm.settings.layers import Value
from mixvllm.vllm.history import variable_removed_in
from mixvllm.vllm.option import EnvVariable, Kind, Reading

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM ignores a variable it does not know, and reads booleans in half a dozen ways: for
    many variables ``true`` is an error, for some it silently means off.
    """
    env = facts.resolved.value("vllm", "env")
    for name, value in env.items() if isinstance(env, Mapping) else ():
        path = ("vllm", "env", name)
        place = facts.place(path)
        known = facts.options.env.get(name)
        if not _NAME.fullmatch(name):
            yield _IMPOSSIBLE.finding(
                f"{name!r} is no name of a variable", place.key, key=path,
                label="letters, digits and _, no digit first",
            )  # fmt: skip
        elif isinstance(value, str) and (trouble := unspeakable(value)):
            yield _IMPOSSIBLE.finding(f"{name} {trouble}", place.value, key=path)
        elif isinstance(value, dict | list):
            yield _TYPE.finding(
                f"{name} takes one value, this is a list or a mapping", place.value, key=path
            )
        elif known is None and name.startswith("VLLM_"):
            removed = variable_removed_in(name, before=facts.options.release)
            if removed is not None:
                yield _REMOVED.finding(
                    f"the variable {name} was removed in {removed}: vLLM ignores it", place.key,
                    key=path, label="take it out",
                )  # fmt: skip
                continue
            near = facts.options.nearest_variable(name)
            yield RULE.finding(
                f"vLLM {facts.options.release} does not know the variable {name}", place.key,
                key=path, label=f"did you mean {near[0]}?" if near else "it would be ignored",
                fix=near[0] if near else None,
            )  # fmt: skip
        elif known is not None:
            found = _value(known, value)
            if found:
                code, message, fix = found
                yield code.finding(
                    message, place.value, key=path, label=f"write {fix}" if fix else "", fix=fix
                )


def _value(known: EnvVariable, value: Value) -> tuple[Rule, str, str | None] | None:
    if known.kind is Kind.INTEGER and not isinstance(value, int):
        text = str(value).strip()
        if not text.lstrip("+-").isdecimal():
            return _INTEGER, f"{known.name} takes an integer, not `{text}`", None
    if known.kind is Kind.SWITCH:
        text = shown(value)
        on = text.lower() in ("true", "yes", "on", "1")
        reading = known.reads(text)
        if reading is Reading.REFUSED or (reading is Reading.OFF and on):
            spelling = known.spelling(on=on)
            takes = "0 or 1" if reading is Reading.REFUSED else f'only "{spelling}" as on'
            fix = f'"{spelling}"' if spelling is not None else None
            return _SPELLING, f"{known.name} understands {takes}, not `{text}`", fix
    return None


RULE = Rule("MX300", "unknown-variable", Severity.ERROR, check)
_REMOVED = Rule("MX301", "removed-variable", Severity.ERROR, check)
_SPELLING = Rule("MX302", "variable-spelling", Severity.ERROR, check)
_INTEGER = Rule("MX303", "variable-not-integer", Severity.ERROR, check)
_TYPE = Rule("MX304", "variable-not-a-value", Severity.ERROR, check)
_IMPOSSIBLE = Rule("MX305", "impossible-variable", Severity.ERROR, check)
