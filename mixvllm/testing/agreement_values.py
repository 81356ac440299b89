"""Values to try on an option of vLLM, each with the class it belongs to.

The classes are the rows of the table in docs/agreement.md. Values come from what the option table
says of the option: its kind, its choices, the bounds of its field, the keys of its JSON.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from mixvllm.settings.layers import Value
from mixvllm.vllm.option import ConfigKey, JsonType, Kind, Option
from mixvllm.vllm.options import Options

IN_RANGE: Final = "a value of its type"
AT_BOUND: Final = "a number at a bound"
BEYOND: Final = "a number beyond a bound"
CHOICE: Final = "one of its choices"
NO_CHOICE: Final = "none of its choices"
OTHER_TYPE: Final = "a value of another type"
NULL: Final = "null"
KEY: Final = "a key of its JSON: a value of its type"
KEY_BOUND: Final = "a key of its JSON: a number at or beyond a bound"
KEY_CHOICE: Final = "a key of its JSON: a choice, or none"
KEY_TYPE: Final = "a key of its JSON: a value of another type"
KEY_UNKNOWN: Final = "a key of its JSON that is none"

CLASSES: Final = (
    *(IN_RANGE, AT_BOUND, BEYOND, CHOICE, NO_CHOICE, OTHER_TYPE, NULL),
    *(KEY, KEY_BOUND, KEY_CHOICE, KEY_TYPE, KEY_UNKNOWN),
)

Labelled = Iterator[tuple[str, Value]]

_TEXTS: Final[tuple[Value, ...]] = ("a", "some/name", "a b", "a=b", "ünï", 7)
_TYPICAL: Final[Mapping[Kind, tuple[Value, ...]]] = {
    Kind.FLAG: (True, False),
    Kind.SWITCH: (True, False),
    Kind.INTEGER: (1, 2, 8, 64, 100_000),
    Kind.HUMAN_INTEGER: (1, 512, 4096, "4k", "4K", "1.5k"),
    Kind.HUMAN_INTEGER_OR_AUTO: (1, 512, 4096, "4k", "4K", "1.5k", "auto", -1),
    Kind.NUMBER: (1, 0.5, 0.9, 3.25, 1e-6),
    Kind.STRING: _TEXTS,
    Kind.STRING_OR_FLAG: (*_TEXTS, True),
    Kind.JSON: ({}, [], {"a": 1}, ["a"], '{"a": 1}'),
    Kind.JSON_OR_STRING: ({}, {"a": 1}, "a"),
    Kind.ID_LIST: (0, [0, 1], ["GPU-0", "GPU-1"]),
    Kind.LORA_MODULES: ("a=/a", ["a=/a", "b=/b"], {"name": "a", "path": "/a"}),
}
_OTHERS: Final[tuple[Value, ...]] = ("many", "8", 1.5, True, [1], {"a": 1}, 3, "0.5", "")
_KEY_VALUES: Final[Mapping[JsonType, tuple[Value, ...]]] = {
    JsonType.BOOLEAN: (True, False),
    JsonType.INTEGER: (1, 2, 16),
    JsonType.NUMBER: (0.5, 1),
    JsonType.STRING: ("a",),
    JsonType.LIST: ([], [1], ["a"]),
    JsonType.MAPPING: ({}, {"a": 1}),
    JsonType.NULL: (None,),
}
_KEY_OTHERS: Final[tuple[Value, ...]] = (
    *(True, 0, 1, 2, -1, 8.0, 8.5, 1e30, "8", "8.0", "8.5", " 8 ", "true", "off", "a", ""),
    *([], [1], ["a"], ["1"], [None], {}, {"a": 1}, {"a": "b"}, None),
)


def values_of(option: Option, options: Options) -> Labelled:
    """Everything to try on one option, without repetition."""
    seen: set[str] = set()
    for label, value in _all(option, options):
        if (told := repr(value)) not in seen:
            seen.add(told)
            yield label, value


def _all(option: Option, options: Options) -> Labelled:
    choices = [choice for choice in option.choices or () if choice is not None]
    yield NULL, None
    for choice in choices:
        yield CHOICE, [choice] if option.many else choice
    yield from _numbers(option, AT_BOUND, BEYOND)
    if option.config is None and not choices:
        yield from ((IN_RANGE, value) for value in _TYPICAL[option.kind])
    if choices and isinstance(choices[0], str):
        yield from ((NO_CHOICE, word) for word in _wrong(choices[0]))
    elif choices:
        yield from ((NO_CHOICE, word) for word in (-1, 3, 7))
    if option.many:
        yield from ((IN_RANGE, [value, value]) for value in _TYPICAL[option.kind][:2])
        yield OTHER_TYPE, ["many", {"a": 1}]
    yield from ((OTHER_TYPE, value) for value in _OTHERS)
    if option.config is not None:
        yield IN_RANGE, {}
        yield KEY_UNKNOWN, {"no_such_key": 1}
        yield from _inside(option.config, options, depth=2)


def _wrong(choice: str) -> Iterator[str]:
    yield from ("nonsense", choice.upper(), choice.lower(), choice.replace("_", "-"))


def _numbers(limits: Option | ConfigKey, at: str, beyond: str) -> Labelled:
    """The bounds themselves, and one step to either side."""
    step = 1 if all(float(b).is_integer() for b in _bounds(limits)) else 0.125
    for bound in _bounds(limits):
        number = int(bound) if float(bound).is_integer() else bound
        yield at, number
        within = number - step < (limits.at_least or limits.above or -1e9)
        yield (beyond if within else at), number - step
        over = limits.at_most if limits.at_most is not None else limits.below
        yield (beyond if over is not None and number + step > over else at), number + step


def _bounds(limits: Option | ConfigKey) -> list[float]:
    found = (limits.at_least, limits.above, limits.at_most, limits.below)
    return [bound for bound in found if bound is not None]


def _inside(config: str, options: Options, *, depth: int) -> Iterator[tuple[str, dict[str, Value]]]:
    """Mappings with one key of the class each."""
    for name, key in (options.config_keys(config) or {}).items():
        for choice in key.choices or ():
            yield KEY_CHOICE, {name: choice}
            for word in _wrong(choice) if isinstance(choice, str) else ():
                yield KEY_CHOICE, {name: word}
        yield from ((label, {name: n}) for label, n in _numbers(key, KEY_BOUND, KEY_BOUND))
        accepted = key.accepts or ()
        if key.choices is None:
            yield from ((KEY, {name: v}) for kind in accepted for v in _KEY_VALUES[kind])
        yield from ((KEY_TYPE, {name: value}) for value in _KEY_OTHERS)
        if key.config is not None and depth > 1:
            for label, held in _inside(key.config, options, depth=depth - 1):
                yield label, {name: held}
