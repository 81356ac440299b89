"""The keys of vLLM's JSON options as JSON Schema: a definition for each of its config classes."""

from collections.abc import Iterator, Mapping
from typing import Final

from mixvllm.services.schema.shapes import Schema, bounded, choices, definition, either, filled
from mixvllm.vllm.option import ConfigKey, JsonType
from mixvllm.vllm.options import Options
from mixvllm.vllm.words import key_takes

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


def _key(key: ConfigKey, *, folded: bool) -> Schema:
    schema: Schema = {}
    if key.choices is not None:
        listed = either(choices(key.choices, folded=folded), filled())
        others = [_TYPES[kind] for kind in key.accepts or () if kind is JsonType.NULL]
        schema = either(listed, *others) if others else listed
    elif key.accepts is not None:
        kinds = [_typed_key(kind, key) for kind in key.accepts]
        schema = either(*kinds, filled()) if JsonType.STRING not in key.accepts else either(*kinds)
    return schema | {"description": key_takes(key)}


def _typed_key(kind: JsonType, key: ConfigKey) -> Schema:
    if kind is JsonType.MAPPING and key.config is not None:
        return definition(key.config)
    if kind in (JsonType.INTEGER, JsonType.NUMBER):
        return bounded(_TYPES[kind], key)
    return _TYPES[kind]


def _is_folded(options: Options, config: str, name: str) -> bool:
    option = options.find(name)
    return option is not None and option.folded and option.group == config
