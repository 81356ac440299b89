"""The shapes that schemas are put together from: a choice, a bound, one of several."""

import re
from collections.abc import Iterable
from typing import TypeAlias

from mixvllm.vllm.option import ConfigKey, Option

Schema: TypeAlias = dict[str, object]


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


def filled() -> Schema:
    """A text with ``${env:...}`` in it: it may become anything when the profile is read."""
    return definition("filled")


def definition(config: str) -> Schema:
    """What stands under this name in the schema's definitions."""
    return {"$ref": f"#/definitions/{config}"}


def choices(choices: Iterable[str | int | None], *, folded: bool) -> Schema:
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
    )
    return "".join(letters)
