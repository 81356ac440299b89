"""What one release of vLLM takes, as JSON Schema (draft 7): options, JSON keys, variables.

The descriptions are ours, from types, bounds and defaults; vLLM's own help is not copied. A schema
says what a text editor can check. Where it cannot say exactly what `validate` says, it is the
wider of the two.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from mixvllm.rules.mx231_managed_option import INSTEAD
from mixvllm.rules.mx300_environment import fault_of
from mixvllm.vllm.history import in_since, variable_in_since
from mixvllm.vllm.option import UNSET, ConfigKey, EnvVariable, JsonType, Kind, Option
from mixvllm.vllm.options import Options, known_releases
from mixvllm.vllm.words import key_takes, option_takes, variable_takes

Schema: TypeAlias = dict[str, object]

FILLED: Final = "#/definitions/filled"  # a text with ${env:...} in it may become anything
_SCALAR: Final[Schema] = {"type": ["string", "number"]}
_TYPES: Final[Mapping[JsonType, Schema]] = {
    # As pydantic reads them in vLLM (mixvllm.vllm.lax): digits in quotes are a number.
    JsonType.BOOLEAN: {
        "anyOf": [
            {"type": "boolean"},
            {"enum": [0, 1]},
            {"type": "string", "pattern": r"^([01]|[TtFfYyNn]|[Tt]rue|[Ff]alse|yes|no|on|off)$"},
        ]
    },
    JsonType.INTEGER: {
        "anyOf": [
            {"type": ["integer", "boolean"]},
            {"type": "string", "pattern": r"^\s*[+-]?\d+(_\d+)*(\.0+)?\s*$"},
        ]
    },
    JsonType.NUMBER: {"type": ["number", "string", "boolean"]},
    JsonType.STRING: {"type": "string"},
    JsonType.LIST: {"type": "array"},
    JsonType.MAPPING: {"type": "object"},
    JsonType.NULL: {"type": "null"},
}


def args_schema(options: Options) -> Schema:
    """The options under ``vllm.args``: listed in kebab case, taken in every spelling."""
    found = [option for name in options.names() if (option := options.find(name)) is not None]
    listed = [option for option in found if option.name not in INSTEAD]
    return {
        "type": ["object", "null"],
        "properties": {o.name: option_schema(o, options.release) for o in listed},
        "patternProperties": {_other_spellings(o): _reference(o) for o in listed},
        "additionalProperties": False,
    }


def option_schema(option: Option, release: str, *, null: bool = False) -> Schema:
    """One option, with what a person wants to know of it. ``null``: it may always be null."""
    one = _value(option)
    takes = [one, {"type": "array", "items": either(one, filled())}] if option.many else [one]
    null |= option.optional or option.default is None
    nothing: list[Schema] = [{"type": "null"}] if null else []
    schema = either(*takes, *nothing, filled())
    schema["description"] = _described(option) + _since(in_since(option.name, release))
    if option.default is not UNSET and option.default is not None:
        schema["default"] = option.default
    if option.suggested:
        schema["examples"] = list(option.suggested)
    if option.deprecated:
        leaves = f"; it leaves in {option.leaves}" if option.leaves else ""
        schema["deprecationMessage"] = f"deprecated{leaves}"
    return schema


def env_schema(options: Options) -> Schema:
    """The variables under ``vllm.env``. One that vLLM does not know must not look like its own."""
    return {
        "type": ["object", "null"],
        "properties": {n: _variable(known, options.release) for n, known in options.env.items()},
        "patternProperties": {
            r"^(?!VLLM_)[A-Za-z_][A-Za-z0-9_]*$": {"type": ["string", "number", "boolean", "null"]}
        },
        "additionalProperties": False,
    }


def config_schemas(options: Options) -> Iterator[tuple[str, Schema]]:
    """The config classes whose keys a JSON option takes, each under its name."""
    waiting = [o.config for name in options.names() if (o := options.find(name)) and o.config]
    seen: set[str] = set()
    while waiting:
        config = waiting.pop()
        keys = None if config in seen else options.config_keys(config)
        seen.add(config)
        if keys is not None:
            waiting += [key.config for key in keys.values() if key.config]
            folded = {n for n in keys if _is_folded(options, config, n)}
            yield (
                config,
                {
                    "type": "object",
                    "properties": {n: _key(key, folded=n in folded) for n, key in keys.items()},
                    "additionalProperties": False,
                },
            )


def filled() -> Schema:
    """A text that is filled in when the profile is read."""
    return {"$ref": FILLED}


def either(*schemas: Schema) -> Schema:
    """One of several; itself where there is one, a plain list of types where that says it."""
    flat: list[Schema] = []
    for schema in schemas:
        inner = schema.get("anyOf") if schema.keys() == {"anyOf"} else None
        flat += inner if isinstance(inner, list) else [schema]
    if len(flat) > 1 and all(schema.keys() == {"type"} for schema in flat):
        kinds = (schema["type"] for schema in flat)
        names = (name for kind in kinds for name in (kind if isinstance(kind, list) else [kind]))
        return {"type": list(dict.fromkeys(names))}
    return {"anyOf": flat} if len(flat) > 1 else dict(flat[0])


def bounded(schema: Schema, of: Option | ConfigKey) -> Schema:
    """The schema of a number, with the bounds that vLLM has for it."""
    bounds = {
        "minimum": of.at_least, "exclusiveMinimum": of.above,
        "maximum": of.at_most, "exclusiveMaximum": of.below,
    }  # fmt: skip
    return schema | {name: bound for name, bound in bounds.items() if bound is not None}


def _value(option: Option) -> Schema:
    """One value of an option, or one item of its list."""
    if option.choices is not None:
        return _choices(option.choices, folded=option.folded)
    match option.kind:
        case Kind.FLAG | Kind.SWITCH:
            return {"type": "boolean"}
        case Kind.INTEGER:
            return bounded({"type": "integer"}, option)
        case Kind.NUMBER:
            text: Schema = {"type": "string", "pattern": r"^\s*[+-]?(\d+\.\d*|\.\d+|\d[\d.]*[eE])"}
            return either(bounded({"type": "number"}, option), text)
        case Kind.HUMAN_INTEGER | Kind.HUMAN_INTEGER_OR_AUTO:
            return _human(option)
        case Kind.JSON:
            return _json(option)
        case Kind.STRING_OR_FLAG:
            return {"type": ["string", "number", "boolean"]}
        case Kind.JSON_OR_STRING:
            return {"type": ["string", "number", "object", "array"]}
        case Kind.LORA_MODULES:
            return {"type": ["string", "object"]}
        case Kind.ID_LIST:
            return {"type": ["string", "number", "array"]}
        case _:
            return dict(_SCALAR)


def _human(option: Option) -> Schema:
    """``32k`` is taken where a number is, and above some release ``auto`` and -1."""
    small = "".join(letter for letter in option.suffixes if letter.islower())
    large = "".join(letter for letter in option.suffixes if letter.isupper())
    text: Schema = {"type": "string", "pattern": rf"^(\d+(\.\d+)?[{small}]|\d+[{large}])$"}
    number = bounded({"type": "integer"}, option)
    if option.kind is Kind.HUMAN_INTEGER_OR_AUTO:
        return either(number, {"enum": ["auto", -1]}, text)
    return either(number, text)


def _json(option: Option) -> Schema:
    """YAML below the key, or JSON in a text."""
    is_list = isinstance(option.default, list)
    text: Schema = {"type": "string", "pattern": r"^\s*\[" if is_list else r"^\s*[{\[]"}
    if option.config is not None:
        return either(_definition(option.config), text)
    return either({"type": ["object", "array"]}, text)


def _choices(choices: Iterable[str | int | None], *, folded: bool) -> Schema:
    """The choices as they are; a number among them in quotes too, a number's text without."""
    listed: list[str | int | None] = list(choices)
    also: list[str | int] = [str(c) for c in listed if isinstance(c, int)]
    also += [int(c) for c in listed if isinstance(c, str) and c.isdecimal()]
    schema: Schema = {"enum": [*listed, *also]}
    if not folded:
        return schema
    words = "|".join(_in_any_case(str(choice)) for choice in listed)
    return either(schema, {"type": "string", "pattern": f"^({words})$"})


def _in_any_case(word: str) -> str:
    letters = (
        f"[{c.lower()}{c.upper()}]" if c.isalpha() else "[-_]" if c in "-_" else re.escape(c)
        for c in word
    )  # fmt: skip
    return "".join(letters)


def _key(key: ConfigKey, *, folded: bool) -> Schema:
    schema: Schema = {}
    if key.choices is not None:
        listed = either(_choices(key.choices, folded=folded), filled())
        others = [_TYPES[kind] for kind in key.accepts or () if kind is JsonType.NULL]
        schema = either(listed, *others) if others else listed
    elif key.accepts is not None:
        kinds = [_typed_key(kind, key) for kind in key.accepts]
        schema = either(*kinds, filled()) if JsonType.STRING not in key.accepts else either(*kinds)
    return schema | {"description": key_takes(key)}


def _typed_key(kind: JsonType, key: ConfigKey) -> Schema:
    if kind is JsonType.MAPPING and key.config is not None:
        return _definition(key.config)
    if kind in (JsonType.INTEGER, JsonType.NUMBER):
        return bounded(_TYPES[kind], key)
    return _TYPES[kind]


def _is_folded(options: Options, config: str, name: str) -> bool:
    option = options.find(name)
    return option is not None and option.folded and option.group == config


def _variable(known: EnvVariable, release: str) -> Schema:
    """A variable is text; YAML's numbers and booleans become the text that they are written as."""
    schema: Schema = {"type": ["string", "number", "boolean", "null"]}
    if known.kind is Kind.INTEGER:
        digits: Schema = {"type": "string", "pattern": r"^\s*[+-]*\d+\s*$"}
        schema = either({"type": ["integer", "boolean"]}, digits, filled())
    elif known.kind is Kind.SWITCH and known.readings:
        tried = (True, False, 0, 1, *(text for text, _ in known.readings))
        taken = [value for value in tried if fault_of(known, value) is None]
        digits = {"type": "string", "pattern": r"^\s*[+-]*\d+\s*$"}
        schema = either({"enum": taken}, {"type": "integer"}, digits, filled())
        if fault_of(known, "abc") is None:
            others: Schema = {
                "type": "string",
                "not": {"enum": [text for text, _ in known.readings]},
            }
            schema = either({"enum": taken}, {"type": "number"}, others)
    since = _since(variable_in_since(known.name, release))
    return schema | {"description": variable_takes(known) + since}


def _described(option: Option) -> str:
    default = option.default
    shown = default is not UNSET and default not in (None, {}, "")
    return option_takes(option) + (f"; default {_default(default)}" if shown else "")


def _since(release: str | None) -> str:
    """Nothing for what the oldest release had too: it may be older still."""
    return "" if release in (None, known_releases()[0]) else f"; since {release}"


def _default(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _other_spellings(option: Option) -> str:
    """A pattern for all spellings but the listed one: ``_`` for ``-``, dashes first, ``tp``."""
    long = [flag[2:] for flag in option.flags if flag.startswith("--")]
    short = [flag[1:] for flag in option.flags if not flag.startswith("--")]
    loose = "|".join(name.replace("-", "[-_]") for name in long)
    exact = "".join(f"|-?{re.escape(flag)}" for flag in short)
    return f"^(?!{option.name}$)((--)?({loose}){exact})$"


def _reference(option: Option) -> Schema:
    return {"$ref": f"#/definitions/args/properties/{option.name}"}


def _definition(config: str) -> Schema:
    return {"$ref": f"#/definitions/{config}"}
