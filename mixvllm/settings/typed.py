"""Text from the environment or the command line -> the type its setting takes."""

import json
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from mixvllm.settings.interpolate import Untyped
from mixvllm.settings.layers import Value
from mixvllm.settings.secrets import redact
from mixvllm.settings.tree import plain_value

MAX_DEPTH: Final = 60  # of JSON, as of YAML: see mixvllm.settings.yaml
MAX_VALUES: Final = 6_000
_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}


def json_value(text: str) -> Value:
    """JSON -> Python. Raises ValueError, with the reason, where YAML would have a finding too:
    for a key given twice, more than 6,000 values, and what is nested deeper than 60 levels.
    """
    return _read(text, object_pairs_hook=_object, parse_constant=_constant)


def json_of_vllm(text: str) -> Value:
    """The same as vLLM's own parser reads it: of a key given twice the last has its way."""
    return _read(text)


def _read(text: str, **hooks: Any) -> Value:
    try:
        value: Value = json.loads(text, **hooks)
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from None
    level, values = [value], 0
    for _ in range(MAX_DEPTH):
        level = [i for v in level if isinstance(v, list | dict) for i in _inside(v)]
        values += len(level)
        if values > MAX_VALUES:
            raise ValueError(f"more than {MAX_VALUES} values")
        if not level:
            return value
    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


def json_object(value: Value) -> dict[str, Value] | None:
    """A text that holds a JSON object, as that object; None for everything else."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return None
    try:
        found = json_value(value)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _inside(value: list[Value] | dict[str, Value]) -> list[Value]:
    return value if isinstance(value, list) else list(value.values())


def _object(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    result: dict[str, Value] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {redact(key)!r} is given twice")
        result[key] = value
    return result


def _constant(name: str) -> Value:
    raise ValueError(f"{name} is not JSON")


def _one(text: str, annotation: Any) -> Value:
    if annotation is bool:
        lowered = text.lower()
        return lowered in _TRUE if lowered in _TRUE | _FALSE else Untyped(text)
    if annotation in (int, float):
        number = plain_value(text)  # digits as YAML has them: 8_001 and full-width ones are none
        if isinstance(number, int) and not isinstance(number, bool):
            return number if annotation is int else float(text if text.isdigit() else number)
        return number if annotation is float and isinstance(number, float) else Untyped(text)
    if get_origin(annotation) is list:
        return _many(text, get_args(annotation)[0])
    if get_origin(annotation) is dict:
        return _json(text)
    return str(text)


def _json(text: str) -> Value:
    try:
        return json_value(text)
    except ValueError:
        return Untyped(text)


def _many(text: str, item: Any) -> Value:
    """``[0, 1]`` as JSON, or ``0,1``."""
    if text.lstrip().startswith("["):
        return _json(text)
    return [typed(part.strip(), item) for part in text.split(",") if part.strip()]


def typed(text: str, annotation: Any) -> Value:
    """The text as the annotation wants it; what does not fit stays text, and is refused later."""
    if get_origin(annotation) is Literal:
        return str(text)
    if get_origin(annotation) not in (Union, UnionType):
        return _one(text, annotation)
    members = get_args(annotation)
    if type(None) in members and text in ("null", "~"):
        return None
    if str in members and not text.lstrip().startswith("["):  # text may hold commas
        members = tuple(m for m in members if get_origin(m) is not list)
    literals = [arg for m in members if get_origin(m) is Literal for arg in get_args(m)]
    if text in literals:
        return str(text)
    for member in members:
        if member is type(None) or member is str or get_origin(member) is Literal:
            continue
        value = _one(text, member)
        if not isinstance(value, Untyped):
            return value
    return str(text) if str in members else Untyped(text)
