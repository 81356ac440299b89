"""Values to say on a command line, by the kind of the option, and what vLLM should hold of each.

For the tests that read the words back: by the model of vLLM's parser, of every release, and by
the real one.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping

from mixvllm.vllm.option import JsonType, Kind, Option
from mixvllm.vllm.options import Options
from mixvllm.vllm.quantity import human_integer

TEXTS = [
    *("a", "a b", " a ", "a=b", "=", "a.b", ".", "a,b", "[1]", "{x}", "{", "7", "0x1", "1e3"),
    *("--odd", "-x", "-1", "-1.5", "-", "--", "---", "--port=1", "--port", "-O", "-O3", "-cc.a=1"),
    *("--config", "--help=all", "-tp", "-h", "- x", "-\t", "--a b"),
    *("", " ", "None", "none", "null", "~", "true", "no", "@f", "%s %(prog)s %", "#x", "a: b"),
    *("ünï 漢", "u\u0308", "🂡👩‍👧", "\u2028", "\u202e", "\ufeff", "٣", "\xa0", "\ud800"),
    *("'", '"', "'\"'", "$HOME", "`id`", "$(id)", "!x", "\\", "a\\\n", "*", "~/a", "&;|<>(){}"),
    *("a\nb", "\n", "a\tb", "\t", "\r", "\x1b[31m", "\x07", "\x7f", "a\0b"),
    "x" * 100_000,
    "x" * 131_072,
]
INTEGERS: list[object] = [
    *(1, 0, -1, 2, 65536, 10**12, 2**53 + 1, 2**63, -(2**63), 10**400, 10**5000),
]
FLOATS: list[object] = [
    *(0.5, -0.1, 0.1 + 0.2, 1e-9, 5e-324, 1e16, 1e22, 1.7976931348623157e308, -0.0, 8.0),
    *(math.inf, -math.inf, math.nan),
]
SUFFIXED: list[object] = [
    *("32k", "32K", "1.5k", "1.1M", "4.35k", "2T", "3t", "1g", "1G", "1.5K", "k", "1kk", " 8k "),
    *("٣k", "1e3", "8"),
]
JSONS: list[object] = [
    *({}, {"a": 1}, {"a": {"b": [None, 1.5, "ü", True]}}, {"": ""}, {"a.b": {"c": "漢🂡"}}),
    *({"a": 0.1 + 0.2, "b": 1e300, "c": -0.0, "d": 2**70}, {"a": "8k", "k": "1K"}),
    *(
        {"a": "--x\n'\"\\"},
        {"a": {"b": {"c": {"d": [[[]]]}}}},
        {1: 2},
        {"a": math.nan},
        {"a": 10**5000},
    ),
    *([], ["*"], [1, [2]], '{"a": 1}', ' {"a": "b=c.d"} ', '["*"]', "{a}", "", " ", "null", "3", 3),
    {"long": "y" * 50_000},
]
VALUES: Mapping[Kind, list[object]] = {
    Kind.FLAG: [True, False, "true", 1],
    Kind.SWITCH: [True, False, "false", 0],
    Kind.INTEGER: [*INTEGERS, "8", 1.0, True],
    Kind.HUMAN_INTEGER: [*INTEGERS, *SUFFIXED, "auto", 1.0],
    Kind.HUMAN_INTEGER_OR_AUTO: [*INTEGERS, *SUFFIXED, "auto", "AUTO", " auto ", "-1"],
    Kind.NUMBER: [*INTEGERS, *FLOATS, "0.5", False],
    Kind.STRING: [*TEXTS, 7, -7, 10**5000, 1.5, True],
    Kind.STRING_OR_FLAG: [*TEXTS, 7, True, False],
    Kind.JSON: JSONS,
    Kind.JSON_OR_STRING: [*JSONS, *TEXTS, " {a} ", "{}\n", "\n{ }", 7],
    Kind.ID_LIST: [
        *(0, -1, [0, 2], [0], ["GPU-a", "GPU-b"], "0,1", "0", " 0", "0, 1", "GPU-a", "", ","),
        *(["0"], ["a,b"], [" a"], [""], [], [-1], ["-x"], ["٣"], ["²"], [True], [1.5], [10**30]),
    ],
    Kind.LORA_MODULES: [
        *("a=/a", "a", "a=b=c", ["a=/a", "b=/b"], ["a=/x,y"], "a,b=/c", "=", "a=", "", "-a=/b"),
        *(["a=/a", "-b=/b"], '{"name": "a", "path": "/a"}', "{}", "[]", "a={", "{=}", "a=\n", []),
        [{"name": "a", "path": "/a"}, {"name": "b", "path": "/b", "base_model_name": "m"}],
        {"name": "a"},
        {"name": "a=b", "path": "ü=,"},
        {"name": "a", "path": "/a", "rank": 8},
        ["a=/a", {"name": "b", "path": "/b"}],
    ],
}
_BRACES = re.compile(r"\s*{.*}\s*", re.DOTALL)
KEY_VALUES: Mapping[JsonType, object] = {
    JsonType.BOOLEAN: True,
    JsonType.INTEGER: 2,
    JsonType.NUMBER: 0.5,
    JsonType.STRING: "a",
}


def values_of(option: Option, options: Options) -> Iterator[object]:
    """Values to try on one option: of its kind, its choices, lists of them, and null."""
    values = [{}, "{}"] if option.config else VALUES[option.kind]
    choices = [choice for choice in option.choices or () if choice is not None]
    yield from [None, *values, *choices]
    if option.many and option.kind is not Kind.LORA_MODULES:
        yield from [[value] for value in values]
        yield from [[choices[0] if choices else 1, value] for value in values]
        yield from [[], choices]
    for key in (options.config_keys(option.config) or {}).values() if option.config else ():
        for accepted in (accepts := key.accepts or ()):
            if accepted is JsonType.STRING and JsonType.LIST in accepts:
                continue  # vLLM makes a list of it
            if accepted in KEY_VALUES and key.choices is None:
                yield {key.name: KEY_VALUES[accepted]}
        yield from [{key.name: choice} for choice in key.choices or ()]


def expected(option: Option, value: object) -> object:
    """What vLLM's namespace should hold, for the few kinds where that is not the value itself."""
    if value is None or (value is False and option.kind is Kind.FLAG):
        return value
    if option.many:
        items = value if isinstance(value, list) else [value]
        one = _lora_module if option.kind is Kind.LORA_MODULES else lambda item: _text(option, item)
        return [one(item) for item in items]
    match option.kind, value:
        case ((Kind.HUMAN_INTEGER | Kind.HUMAN_INTEGER_OR_AUTO), str() as text):
            return -1 if text.strip().lower() == "auto" else human_integer(text, option.suffixes)
        case Kind.ID_LIST, str() as text:
            ids = [part.strip() for part in text.split(",")]
            if "" in ids:
                return None  # the name of no device
            return [int(i) if i.isdecimal() else i for i in ids]
        case Kind.ID_LIST, _:
            return value if isinstance(value, list) else [value]
        case Kind.JSON, str() as text:
            return _loaded(text)
        case Kind.JSON_OR_STRING, str() as text if _BRACES.fullmatch(text):
            return _loaded(text)
        case _:
            return _text(option, value)


def _loaded(text: str) -> object:
    """What the JSON says; text that is none, itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _text(option: Option, value: object) -> object:
    if isinstance(value, str) and option.folded:
        return value.lower().replace("-", "_")
    plain = option.kind in (Kind.STRING, Kind.STRING_OR_FLAG, Kind.JSON_OR_STRING)
    return str(value) if plain and type(value) is int and not option.choices else value


def _lora_module(value: object) -> object:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = _loaded(value)
    elif isinstance(value, str):
        name, _, path = value.partition("=")
        value = {"name": name, "path": path}
    if not isinstance(value, dict):
        return value
    return {"base_model_name": None, **value}


def same(found: object, wanted: object, option: Option) -> bool:
    """Equal in type too. Of a config class only the keys that were given are compared."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = wanted if option.config or option.kind is Kind.LORA_MODULES else {**found, **wanted}
        return all(key in found and same(found[key], wanted.get(key), option) for key in keys)
    if isinstance(found, list) and isinstance(wanted, list):
        pairs = zip(found, wanted, strict=False)
        return len(found) == len(wanted) and all(same(f, w, option) for f, w in pairs)
    if option.kind is Kind.NUMBER or isinstance(wanted, float):
        return found == wanted or (found != found and wanted != wanted)
    return found == wanted and type(found) is type(wanted)
