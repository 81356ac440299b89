"""What one release of vLLM takes, as JSON Schema (draft 7): options and variables.

The descriptions are ours, from types, bounds and defaults; vLLM's own help is not copied. A schema
says what a text editor can check. Where it cannot say exactly what `validate` says, it is the
wider of the two.
"""

import re
from typing import Final

from mixvllm.rules.mx231_managed_option import INSTEAD
from mixvllm.rules.mx300_environment import fault_of
from mixvllm.services.schema.shapes import Schema, bounded, choices, definition, either, filled
from mixvllm.vllm.history import in_since, variable_in_since
from mixvllm.vllm.option import UNSET, EnvVariable, Kind, Option
from mixvllm.vllm.options import Options, known_releases
from mixvllm.vllm.words import option_takes, variable_takes

_SCALAR: Final[Schema] = {"type": ["string", "number"]}


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


def _value(option: Option) -> Schema:
    """One value of an option, or one item of its list."""
    if option.choices is not None:
        return choices(option.choices, folded=option.folded)
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
        return either(definition(option.config), text)
    return either({"type": ["object", "array"]}, text)


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
