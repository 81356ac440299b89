"""What is wrong with a value of a vLLM option: at most one thing, named by the rule's code.

The rules that speak of values ask here, so that a value never gets two findings.
"""

import difflib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from mixvllm.core.origin import FileSpan
from mixvllm.rules.base import Facts
from mixvllm.settings.engine import EngineSetting
from mixvllm.settings.fields import field_at
from mixvllm.settings.layers import Value
from mixvllm.settings.tree import plain_value
from mixvllm.settings.typed import json_of_vllm
from mixvllm.vllm.lax import takes
from mixvllm.vllm.option import ConfigKey, Kind, Option
from mixvllm.vllm.quantity import human_integer

YAML11_WORDS: Final = {"yes", "no", "on", "off", "y", "n"}
NAMES_A_METHOD: Final = {"quantization"}  # any text, because plugins add methods; none is "off"
_HUMAN: Final = {Kind.HUMAN_INTEGER, Kind.HUMAN_INTEGER_OR_AUTO}
_LONG_LIST: Final = 20  # choices that are told one by one; of more,
_SOME: Final = 6  # so many
_SUFFIXED: Final = re.compile(r"\d+(\.\d+)?\s*([kmgt]i?b?|b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that vLLM would refuse or misread: the code of its rule, and the value itself."""

    code: str
    setting: EngineSetting
    option: Option
    value: Value  # the item at fault, where the value is a list

    @property
    def is_whole(self) -> bool:
        """Whether the value at fault is the setting's own, and no item of a list."""
        return self.value is self.setting.value


def problems(facts: Facts, code: str) -> Iterator[Problem]:
    """The values that the rule with this code must speak of."""
    for setting in facts.settings:
        if setting.option is None:
            continue
        found = problem_of(setting.option, setting.value)
        if found and glued_comment(facts, setting):
            found = "MX023", setting.value
        if found and found[0] == code:
            yield Problem(code, setting, setting.option, found[1])


def glued_comment(facts: Facts, setting: EngineSetting) -> str | None:
    """``64 #more`` for ``64#more``, where what stands before the ``#`` is a value."""
    place = setting.place.value
    glued = (
        re.fullmatch(r"([^\s#]+)(#.*)", setting.value) if isinstance(setting.value, str) else None
    )
    if glued is None or setting.option is None or not isinstance(place, FileSpan):
        return None
    field = field_at(setting.key)
    if field is not None and str not in (field.annotation, *get_args(field.annotation)):
        return None  # refused with the profile's structure
    if facts.resolved.is_quoted(place) or problem_of(setting.option, plain_value(glued[1])):
        return None
    return f"{glued[1]} {glued[2]}"


def problem_of(option: Option, value: Value) -> tuple[str, Value] | None:
    """The code and the value at fault, or None when the option takes the value."""
    if value is None:
        return None if option.optional or option.default is None else ("MX207", None)
    if isinstance(value, list) and option.many:
        return next((p for item in value if (p := _one(option, item))), None)
    return _one(option, value)


def _one(option: Option, value: Value) -> tuple[str, Value] | None:
    if option.kind in (Kind.FLAG, Kind.SWITCH):
        if isinstance(value, bool):
            return None
        return ("MX202" if isinstance(value, str) else "MX223"), value
    if option.kind is Kind.JSON:
        return _json(option, value)
    if isinstance(value, dict | list) and not (
        option.kind is Kind.JSON_OR_STRING
        or (option.kind is Kind.ID_LIST and isinstance(value, list))
        or option.kind is Kind.LORA_MODULES
    ):
        return "MX223", value
    if isinstance(value, bool) and option.kind is not Kind.STRING_OR_FLAG:
        return "MX223", value
    if option.choices is not None:
        return None if is_choice(option, value) else _bad_choice(value)
    if option.kind in (Kind.INTEGER, Kind.NUMBER) or option.kind in _HUMAN:
        return _number(option, value)
    if option.name in NAMES_A_METHOD and isinstance(value, str) and value.lower() in YAML11_WORDS:
        return "MX010", value
    return None


def is_choice(option: Option, value: Value) -> bool:
    """Whether the value is among the option's choices, as vLLM compares them."""
    choices = {str(choice) for choice in option.choices or ()}
    text = str(value)
    return text in choices or (option.folded and text.lower().replace("-", "_") in choices)


def _bad_choice(value: Value) -> tuple[str, Value]:
    is_word = isinstance(value, str) and value.lower() in YAML11_WORDS
    return ("MX010" if is_word else "MX203"), value


def _number(option: Option, value: Value) -> tuple[str, Value] | None:
    number: float
    match value:
        case int() | float():
            if isinstance(value, float) and option.kind is not Kind.NUMBER:
                return "MX223", value
            number = value
        case str() if _is_auto(option, value):
            return None
        case str() if option.kind not in _HUMAN and value.strip().lstrip("+-").isdecimal():
            return "MX223", value  # a number in quotes
        case str() if option.kind in _HUMAN:
            try:
                number = human_integer(value)
            except (ValueError, OverflowError):
                return ("MX205" if _SUFFIXED.fullmatch(value) else "MX223"), value
        case str():
            try:
                number = float(value) if option.kind is Kind.NUMBER else int(value)
            except ValueError:
                if value.strip().endswith("%"):
                    return "MX204", value
                return ("MX205" if _SUFFIXED.fullmatch(value) else "MX223"), value
        case _:
            return "MX223", value
    return None if in_range(option, number) else ("MX204", value)


def _is_auto(option: Option, text: str) -> bool:
    return option.kind is Kind.HUMAN_INTEGER_OR_AUTO and text.strip().lower() == "auto"


def in_range(option: Option, number: float) -> bool:
    """Whether a number keeps the bounds of the option's config field; no nan and no infinity
    does, though a comparison with nan would not say so.
    """
    if isinstance(number, float) and not math.isfinite(number):
        return False
    if number == -1 and option.kind is Kind.HUMAN_INTEGER_OR_AUTO:
        return True
    return within(option, number)


def within(limits: Option | ConfigKey, number: float) -> bool:
    """Whether a number keeps the bounds that vLLM's configuration has for it."""
    return not (
        (limits.at_least is not None and number < limits.at_least)
        or (limits.above is not None and number <= limits.above)
        or (limits.at_most is not None and number > limits.at_most)
        or (limits.below is not None and number >= limits.below)
    )


def _json(option: Option, value: Value) -> tuple[str, Value] | None:
    if not isinstance(value, str):
        kinds = list if isinstance(option.default, list) else (dict, list)
        fits = isinstance(value, kinds) and takes_json(option, value)
        return None if fits else ("MX223", value)
    if isinstance(option.default, list) and not value.lstrip().startswith("["):
        return "MX222", value
    try:
        read = json_of_vllm(value)
    except ValueError:
        return "MX221", value
    return None if takes_json(option, read) else ("MX223", value)


def takes_json(option: Option, value: Value) -> bool:
    """Whether the field that a JSON option fills is of the type, as far as that is known."""
    if option.accepts is None:
        return True
    held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    items = option.items
    return takes(option.accepts, value) and (items is None or all(takes(items, i) for i in held))


def some_choices(written: str, choices: Sequence[str]) -> str:
    """The choices; of a long list those that are spelled most alike, and how many more."""
    if len(choices) <= _LONG_LIST:
        return ", ".join(choices)
    near = difflib.get_close_matches(written, choices, n=_SOME, cutoff=0.4) or choices[:_SOME]
    return f"{', '.join(near)}, and {len(choices) - len(near)} more"


def bounds_in_words(option: Option | ConfigKey) -> str:
    """``0 < x <= 1``."""
    low = f"{option.above:g} < " if option.above is not None else ""
    low = f"{option.at_least:g} <= " if option.at_least is not None else low
    high = f" < {option.below:g}" if option.below is not None else ""
    high = f" <= {option.at_most:g}" if option.at_most is not None else high
    return f"{low}x{high}" if low or high else "a finite number"


def unspeakable(text: str) -> str | None:
    """In what way no process can be handed this text, as a word or in a variable."""
    if "\0" in text:
        return "holds a NUL character, which ends a text"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half of a surrogate pair, which is no character"
    return None
