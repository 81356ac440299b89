"""Text from the environment or the command line -> the type its setting takes."""

import json
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from mixvllm.settings.interpolate import Untyped
from mixvllm.settings.layers import Value

_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}


def _one(text: str, annotation: Any) -> Value:
    if annotation is bool:
        lowered = text.lower()
        return lowered in _TRUE if lowered in _TRUE | _FALSE else Untyped(text)
    if annotation in (int, float):
        try:
            return annotation(text)
        except ValueError:
            return Untyped(text)
    if get_origin(annotation) is list:
        return _many(text, get_args(annotation)[0])
    if get_origin(annotation) is dict:
        return _json(text)
    return str(text)


def _json(text: str) -> Value:
    try:
        value: Value = json.loads(text)
    except ValueError:
        return Untyped(text)
    return value


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
