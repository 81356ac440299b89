"""MX224, MX203 and MX204: the values inside an option that takes JSON."""

import difflib
from collections.abc import Iterable, Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule, shown
from mixvllm.rules.json_keys import JsonKey, json_keys
from mixvllm.rules.values import bounds_in_words, some_choices, within
from mixvllm.settings.edit import flow
from mixvllm.vllm.lax import number_of, takes
from mixvllm.vllm.option import ConfigKey, JsonType
from mixvllm.vllm.slip import is_slip
from mixvllm.vllm.words import items_in_words, key_takes


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM's configuration classes check each key at the start: its type, with some patience
    (text of digits is taken for a number, 1 for true), its choices, its bounds.
    """
    for key in json_keys(facts):
        if key.known is None:
            continue
        what, release = f"`{key.name}` of {key.config}", facts.options.release
        if key.known.choices is not None and isinstance(key.value, str | int | float):
            if not _is_choice(key, key.known):
                yield _not_a_choice(key, key.known, f"{what} does not take", release)
        elif key.known.accepts is not None and not takes(key.known.accepts, key.value):
            wanted = key_takes(key.known)
            yield RULE.finding(
                f"{what} takes {wanted}, not {_in_words(key.value)}",
                key.place.value, key=key.path, label=wanted,
            )  # fmt: skip
        elif (wrong := _wrong_item(key.known, key.value)) is not None:
            place, item = wrong
            yield RULE.finding(
                f"{what} holds {items_in_words(key.known)}, and item {place} is {_in_words(item)}",
                key.place.value, key=key.path, label=items_in_words(key.known),
            )  # fmt: skip
        elif not _is_within(key.known, key.value):
            bounds = bounds_in_words(key.known)
            yield _RANGE.finding(
                f"{what} is {shown(key.value)}; it must be {bounds}",
                key.place.value, key=key.path, label=bounds,
            )  # fmt: skip


def _not_a_choice(key: JsonKey, known: ConfigKey, what: str, release: str) -> Diagnostic:
    choices = [shown(choice) for choice in known.choices or ()]
    meant = str(key.value).lower().replace("-", "_") if key.folded else str(key.value)
    near = difflib.get_close_matches(meant, choices, n=1)
    label = f"did you mean `{near[0]}`?" if near else ""
    if near and near[0] == key.value:  # the number that it is, in quotes
        label = f"write {near[0]}, without quotes"
    return _CHOICE.finding(
        f"{what} `{shown(key.value)}` (vLLM {release})",
        key.place.value,
        key=key.path,
        label=label,
        hint=f"choices: {some_choices(meant, choices)}",
        fix=_written(known, near[0]) if near and not key.in_text else None,
        safe=bool(near) and is_slip(str(key.value), near[0], choices),
    )


def _written(known: ConfigKey, near: str) -> str:
    """A choice as YAML: text that YAML would read otherwise in quotes, a number without."""
    is_text = near in (known.choices or ())
    return flow(near) if is_text else near


def _is_choice(key: JsonKey, known: ConfigKey) -> bool:
    value = key.value
    if key.folded and isinstance(value, str):
        value = value.lower().replace("-", "_")
    return value in (known.choices or ())


def _wrong_item(known: ConfigKey, value: object) -> tuple[int | str, object] | None:
    """The first item of a list (counted from 1), or value of a mapping, of another type."""
    held: Iterable[tuple[int | str, object]] = ()
    if isinstance(value, list):
        held = enumerate(value, start=1)
    elif isinstance(value, dict) and known.config is None:
        held = ((f"`{name}`", item) for name, item in value.items())
    types = known.items
    return next((w for w in held if types is not None and not takes(types, w[1])), None)


def _is_within(known: ConfigKey, value: object) -> bool:
    """Bounds hold for numbers; null, or text where text is taken too, has none."""
    if known.accepts is None or {JsonType.STRING, JsonType.LIST} & {*known.accepts}:
        return not isinstance(value, int | float) or within(known, value)
    number = number_of(value)
    return number is None or within(known, number)


def _in_words(value: object) -> str:
    """A value, or what kind it is of where it is long."""
    match value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return f"`{shown(value)}`"


RULE = Rule("MX224", "json-value", Severity.ERROR, check)
_CHOICE = Rule("MX203", "not-a-choice", Severity.ERROR, check)
_RANGE = Rule("MX204", "out-of-range", Severity.ERROR, check)
