"""Use case: the JSON Schema of profiles, for editors.

Draft 7, because that is what the YAML language server understands best. It holds what is known
key by key; what is between keys, in other files or on this machine only `validate` can say.
"""

from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from mixvllm.services.schema.json_keys import config_schemas
from mixvllm.services.schema.options import args_schema, env_schema, option_schema
from mixvllm.services.schema.shapes import Schema, bounded, either, filled
from mixvllm.settings.fields import SettingField, field_at, keys_of
from mixvllm.settings.layers import Value
from mixvllm.vllm.option import Kind
from mixvllm.vllm.options import Options

_AMOUNTS: Final = {  # as mixvllm.core.units reads them
    "duration": r"^\s*(\d+(\.\d+)?|(\d+(\.\d+)?\s*(ms|s|m|h|d)\s*)+)\s*$",
    "size": r"^\s*\d+(\.\d+)?\s*([Bb]|[KkMmGgTt][Ii]?[Bb])\s*$",
}
_PLAIN: Final[dict[Any, Schema]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    NoneType: {"type": "null"},
}
_NUMERIC: Final = ("integer", "number")  # types of JSON
_NUMBERS: Final = {Kind.HUMAN_INTEGER, Kind.HUMAN_INTEGER_OR_AUTO}


def schema(options: Options) -> Schema:
    """The schema of a profile for one release of vLLM."""
    from mixvllm.settings.schema import Profile  # needs pydantic; it has the sections' sentences

    sections, patterns = _keys((), options)
    for name, info in Profile.model_fields.items():
        sections[name]["description"] = info.description
    sections["model"] = {
        "anyOf": [{"type": "string", "minLength": 1}, sections["model"] | {"type": "object"}],
        "description": sections["model"]["description"],
    }
    names: Schema = {"type": "array", "items": {"type": "string", "minLength": 1}}
    sections["extends"] = either({"type": "string", "minLength": 1}, names) | {
        "description": "a file that this one is laid over, or a list of them; relative to this file"
    }
    named: Schema = {"anyOf": [{"type": "string"}, {"required": ["name"]}]}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "description": f"a mixvllm profile for vLLM {options.release}",
        "type": "object",
        "properties": sections,
        "patternProperties": patterns | {"^x-": {"description": "ignored: a place for anchors"}},
        "additionalProperties": False,
        "if": {"not": {"required": ["extends"]}},
        "then": {"required": ["model"], "properties": {"model": named}},
        "definitions": {
            "filled": {"type": "string", "pattern": r"\$\{(env|file):"},
            "args": args_schema(options),
            "env": env_schema(options),
            **dict(config_schemas(options)),
        },
    }


def _keys(at: tuple[str, ...], options: Options) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """The keys of a section as they are listed, and patterns for their other spelling."""
    properties: dict[str, Schema] = {}
    patterns: dict[str, Schema] = {}
    for key in keys_of(at):
        found = _key((*at, key), options)
        if found is not None:
            properties[key] = found
            if "_" in key:
                patterns[f"^(?!{key}$){key.replace('_', '[-_]')}$"] = found
    return properties, patterns


def _section(at: tuple[str, ...], options: Options) -> Schema:
    """A mapping of known keys; nothing at all stands for its defaults."""
    properties, patterns = _keys(at, options)
    return {
        "type": ["object", "null"], "properties": properties, "patternProperties": patterns,
        "additionalProperties": False,
    }  # fmt: skip


def _key(path: tuple[str, ...], options: Options) -> Schema | None:
    """A key of a section; None for an option that this release does not have."""
    field = field_at(path)
    if field is None:
        return _section(path, options)
    if path in (("vllm", "args"), ("vllm", "env")):
        return {"allOf": [{"$ref": f"#/definitions/{path[1]}"}], "description": field.help}
    found = _leaf(field, options)
    if found is not None:
        takes = found.get("description")  # of an option: what vLLM takes
        found["description"] = f"{field.help}: {takes}" if takes else field.help
        if field.default not in (None, ()):
            found["default"] = field.default
    return found


def _leaf(field: SettingField, options: Options) -> Schema | None:
    option = options.find(field.engine_option) if field.engine_option else None
    if field.engine_option is not None and option is None:
        return None
    if option is not None and (option.choices is not None or option.kind in _NUMBERS):
        return option_schema(option, options.release, null=True)
    members = [_typed(member, field) for member in _members(field.annotation)]
    if option is not None:
        members = [bounded(m, option) if m.get("type") in _NUMERIC else m for m in members]
    if field.amount is not None:
        members.append({"type": "string", "pattern": _AMOUNTS[field.amount]})
    if not any(member.get("type") == "string" for member in members if "pattern" not in member):
        members.append(filled())
    return either(*members)


def _members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _typed(annotation: Any, field: SettingField) -> Schema:
    """One member of what a leaf takes, with the leaf's bounds."""
    origin = get_origin(annotation)
    if origin is Literal:
        return {"enum": list(get_args(annotation))}
    if origin is list:
        (item,) = get_args(annotation)
        inner = [{"type": "object"}] if get_origin(item) is dict else [
            _PLAIN[member] for member in _members(item)
        ]  # fmt: skip
        return {"type": "array", "items": either(*inner)}
    if origin is dict:
        return {"type": "object"}
    found = dict(_PLAIN[annotation])
    if annotation is str and field.shortest:
        found["minLength"] = field.shortest
    if annotation in (int, float):
        found |= _limits(field)
    return found


def _limits(field: SettingField) -> dict[str, Value]:
    limits = {
        "minimum": field.at_least, "exclusiveMinimum": field.above, "maximum": field.at_most,
    }  # fmt: skip
    return {name: bound for name, bound in limits.items() if bound is not None}
