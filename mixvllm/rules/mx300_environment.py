"""MX300 to MX305: variables under `vllm.env`."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule, shown
from mixvllm.rules.values import unspeakable
from mixvllm.settings.layers import Value
from mixvllm.settings.unavailable import Unavailable
from mixvllm.vllm.advice import LONG_GONE
from mixvllm.vllm.history import variable_removed_in
from mixvllm.vllm.moves import in_words, moved_variable
from mixvllm.vllm.option import EnvVariable, Kind, Reading
from mixvllm.vllm.options import known_releases
from mixvllm.vllm.slip import is_slip

_ON: Final = ("true", "yes", "on", "1")
_OFF: Final = ("false", "no", "off", "0")
_SUGGESTED: Final = 50  # of a profile's unknown variables; each takes milliseconds
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM ignores a variable it does not know, and reads booleans in half a dozen ways: for
    many variables ``true`` is an error, for some it silently means off.
    """
    env, suggested = facts.resolved.value("vllm", "env"), 0
    for name, value in env.items() if isinstance(env, Mapping) else ():
        path = ("vllm", "env", name)
        place = facts.place(path)
        if value is Unavailable:
            continue
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
                writes = moved_variable(name, value)
                yield _REMOVED.finding(
                    f"the variable {name} was removed in {removed}: vLLM ignores it", place.key,
                    key=path,
                    label=f"`{in_words(writes)}` says it now" if writes else "take it out",
                )  # fmt: skip
                continue
            if name in LONG_GONE:
                became, instead = LONG_GONE[name]
                yield _REMOVED.finding(
                    f"the variable {name} was removed before {known_releases()[0]}: {became}",
                    place.key, key=path, label=instead or "take it out",
                )  # fmt: skip
                continue
            suggested += 1
            near = facts.options.nearest_variable(name) if suggested <= _SUGGESTED else ()
            yield RULE.finding(
                f"vLLM {facts.options.release} does not know the variable {name}", place.key,
                key=path, label=f"did you mean {near[0]}?" if near else "it would be ignored",
                fix=near[0] if near else None,
                safe=bool(near) and is_slip(name, near[0], facts.options.env),
            )  # fmt: skip
        elif known is None and name.upper() in facts.options.env:
            yield RULE.finding(
                f"the variable is {name.upper()}: `{name}` is another one, which vLLM ignores",
                place.key, key=path, label=f"write {name.upper()}", fix=name.upper(),
            )  # fmt: skip
        elif known is not None and _is_no_choice(known, value):
            choices = ", ".join(map(str, known.choices or ()))
            yield _CHOICE.finding(
                f"{name} takes one of {choices}, not `{shown(value)}`", place.value, key=path
            )
        elif known is not None:
            found = fault_of(known, value)
            if found:
                code, message, fix = found
                yield code.finding(
                    message, place.value, key=path, label=f"write {fix}" if fix else "", fix=fix
                )


def _is_no_choice(known: EnvVariable, value: Value) -> bool:
    """Whether it is none of a variable's words, in whatever case: some are read in any."""
    words = {str(choice).lower() for choice in known.choices or ()}
    return bool(words) and not known.many and str(value).lower() not in words


def fault_of(known: EnvVariable, value: Value) -> tuple[Rule, str, str | None] | None:
    """The rule that a value breaks, in which words, and what to write; None when it is taken."""
    if known.kind is Kind.INTEGER and not isinstance(value, int):
        text = str(value).strip()
        if not text.lstrip("+-").isdecimal():
            return _INTEGER, f"{known.name} takes an integer, not `{text}`", None
    if known.kind is Kind.SWITCH:
        text = shown(value)
        on = text.lower() in _ON
        reading = known.reads(text)
        if reading is Reading.REFUSED or (reading is Reading.OFF and on):
            spelling = known.spelling(on=on)
            takes = "0 or 1" if reading is Reading.REFUSED else f'only "{spelling}" as on'
            plain = on or text.lower() in _OFF
            fix = f'"{spelling}"' if spelling is not None and plain else None
            return _SPELLING, f"{known.name} understands {takes}, not `{text}`", fix
    return None


RULE = Rule("MX300", "unknown-variable", Severity.ERROR, check)
_REMOVED = Rule("MX301", "removed-variable", Severity.ERROR, check)
# vLLM refuses it when it reads the variable, which for most of them is not always.
_CHOICE = Rule("MX302", "variable-choice", Severity.WARNING, check)
_SPELLING = Rule("MX302", "variable-spelling", Severity.ERROR, check)
_INTEGER = Rule("MX303", "variable-not-integer", Severity.ERROR, check)
_TYPE = Rule("MX304", "variable-not-a-value", Severity.ERROR, check)
_IMPOSSIBLE = Rule("MX305", "impossible-variable", Severity.ERROR, check)
