"""The JSON Schema of `mixvllm gpus --format json`, and of the files of `--save` and `--host`."""

import types
import typing
from collections.abc import Collection
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Final

from mixvllm.gpu.inventory import (
    CUDA_TOTAL,
    FIELDS,
    FORMAT_VERSION,
    Driver,
    Gpu,
    GpuLink,
    GpuMemory,
    Problem,
)
from mixvllm.gpu.visible import Entry
from mixvllm.services.schema.shapes import Schema, either

_PLAIN: Final[dict[object, Schema]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
}
_NULL: Final[Schema] = {"type": "null"}
_VERSION: Final[Schema] = {"type": "string", "pattern": r"^\d+\.\d+$"}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
# What may have a reason in `unavailable`: every figure, and what only some processes lack.
_REASONED: Final = (
    *FIELDS,
    CUDA_TOTAL,
    *(f"processes.{name}" for name in ("memory_bytes", "name", "user")),
)


def gpus_schema() -> Schema:
    """The schema, draft 2020-12. It is closed: what is not in it is not in the document."""
    gpu = _members(Gpu) | {
        "compute_capability": either(_VERSION, _NULL),
        "unavailable": {
            "type": "object",
            "properties": dict.fromkeys(_REASONED, _PLAIN[str]),
            "additionalProperties": False,
        },
    }
    visible = {
        "cuda_visible_devices": _PLAIN[str],
        "cuda_device_order": _schema(str | None),
        "entries": _list(_object(_members(Entry))),
    }
    members: dict[str, Schema] = {
        "format_version": {"const": FORMAT_VERSION},
        "taken_at": either(_TIME, _NULL),
        "driver": either(_object(_members(Driver)), _NULL),
        "gpus": _list(_object(gpu)),
        "problems": _list(_object(_members(Problem))),
        "links": either(_list(_object(_members(GpuLink))), _NULL),
        "visible": either(_object(visible), _NULL),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mixvllm gpus --format json",
        # A saved inventory has nothing of the variables of a shell.
        **_object(members, optional=("visible",)),
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _object(members: dict[str, Schema], optional: Collection[str] = ()) -> Schema:
    return {
        "type": "object",
        "required": [name for name in members if name not in optional],
        "properties": members,
        "additionalProperties": False,
    }


def _members(kind: type) -> dict[str, Schema]:
    """The members of an object, in order, out of the fields of a dataclass."""
    hints = typing.get_type_hints(kind)
    found = {
        each.name: _schema(hints[each.name])
        for each in fields(kind)
        if each.name not in ("compute_capability", "unavailable")
    }
    if kind is GpuMemory:
        found["cuda_total_bytes"] = _schema(int | None)
    return found


def _schema(hint: object) -> Schema:
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, types.UnionType):
        return either(*(_schema(each) for each in typing.get_args(hint)))
    if hint is types.NoneType:
        return _NULL
    if typing.get_origin(hint) is tuple:
        return _list(_schema(typing.get_args(hint)[0]))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"enum": [str(each) for each in hint]}
    if isinstance(hint, type) and is_dataclass(hint):
        return _object(_members(hint))
    raise TypeError(f"no JSON for {hint!r}")
