"""Whether values fit the schema, asked without pydantic.

A yes is certain: pydantic-settings would build a profile of them. A no may be wrong, and is
only a reason to ask pydantic, which then says what is the matter. So a profile without faults
is checked without importing it, which costs more than all other checks together.
"""

import sys
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from mixvllm.core.origin import KeyPath
from mixvllm.core.units import parse_duration, parse_size
from mixvllm.settings.fields import SettingField, all_fields, field_at, keys_of
from mixvllm.settings.layers import Value, get


def fits(values: Mapping[str, Value]) -> bool:
    """Whether these merged values make a profile."""
    required = (field.path for field in all_fields() if field.required)
    return _section(values, ()) and all(get(values, path) is not None for path in required)


def _section(values: Mapping[str, Value], at: KeyPath) -> bool:
    for key, value in values.items():
        path = (*at, key)
        field = field_at(path)
        if field is not None:
            if not _leaf(field, value):
                return False
        elif not (keys_of(path) and isinstance(value, Mapping) and _section(value, path)):
            return False
    return True


def _leaf(field: SettingField, value: Value) -> bool:
    if field.amount is not None and type(value) is str:
        try:
            value = parse_duration(value) if field.amount == "duration" else parse_size(value)
        except ValueError:
            return False
    return _of_type(field.annotation, value) and _in_bounds(field, value)


def _of_type(annotation: Any, value: Value) -> bool:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return any(_of_type(member, value) for member in get_args(annotation))
    if origin is Literal:
        return type(value) is str and value in get_args(annotation)
    if origin is list:
        (item,) = get_args(annotation)
        if get_origin(item) is dict:
            return value == []  # a list of sections: their keys are pydantic's business
        return type(value) is list and all(_of_type(item, inner) for inner in value)
    if origin is dict:
        return type(value) is dict and all(_is_text(key) for key in value)
    if annotation is NoneType:
        return value is None
    if annotation is float:
        return type(value) in (int, float) and abs(value) <= sys.float_info.max  # type: ignore[arg-type]
    if annotation is str:
        return _is_text(value)
    return annotation in (bool, int) and type(value) is annotation


def _is_text(value: Value) -> bool:
    return type(value) is str and (value.isascii() or value.isprintable())


def _in_bounds(field: SettingField, value: Value) -> bool:
    if isinstance(value, str):
        return len(value) >= field.shortest
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    return (
        (field.at_least is None or value >= field.at_least)
        and (field.above is None or value > field.above)
        and (field.at_most is None or value <= field.at_most)
    )
