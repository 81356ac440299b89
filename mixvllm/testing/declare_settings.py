"""Writes mixvllm/settings/declared.py again: ``python -m mixvllm.testing.declare_settings``.

The schema is declared once, for pydantic, in :mod:`mixvllm.settings.schema`. What the rest of
the product needs to know of it is written down as plain data; a test compares the two.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, MinLen
from pydantic import BaseModel, BeforeValidator, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mixvllm.core.origin import KeyPath
from mixvllm.settings import declared, schema
from mixvllm.settings.fields import SettingField

_HEAD: Final = '''\
"""Every leaf of a profile; `python -m mixvllm.testing.declare_settings` writes it."""

from typing import Any, Literal

from mixvllm.settings.fields import SettingField

FIELDS: tuple[SettingField, ...] = (
'''
_BOUNDS: Final = {Ge: ("at_least", "ge"), Gt: ("above", "gt"), Le: ("at_most", "le"),
                  MinLen: ("shortest", "min_length")}  # fmt: skip


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The section a field of the schema holds, or None for a leaf."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None


def leaves(
    section: type[BaseModel] = schema.Profile, at: KeyPath = ()
) -> Iterator[tuple[KeyPath, FieldInfo]]:
    """Every leaf of the schema, as pydantic has it."""
    for name, info in section.model_fields.items():
        inner = section_of(info.annotation)
        if inner is None:
            yield (*at, name), info
        else:
            yield from leaves(inner, (*at, name))


def fields() -> Iterator[SettingField]:
    """The same as plain data."""
    for path, info in leaves():
        yield SettingField(path, **{"annotation": None, "help": "", **dict(_declared(path, info))})


def _declared(path: KeyPath, info: FieldInfo) -> Iterator[tuple[str, Any]]:
    yield "annotation", _plain(info.annotation)
    yield "help", info.description or ""
    if info.default is PydanticUndefined:
        yield ("default", ()) if info.default_factory is not None else ("required", True)
    elif info.default is not None:
        yield "default", info.default
    if _holds(info.annotation, SecretStr):
        yield "secret", True
    for mark in _marks(info):
        if isinstance(mark, schema.Engine):
            yield "engine_option", mark.option or str(path[-1]).replace("_", "-")
        elif isinstance(mark, schema.Cli):
            yield "cli_flags", mark.flags
        elif isinstance(mark, BeforeValidator):
            yield "amount", {"_seconds": "duration", "_bytes": "size"}[mark.func.__name__]
        elif type(mark) in _BOUNDS:
            name, attribute = _BOUNDS[type(mark)]
            yield name, getattr(mark, attribute)
        else:
            raise TypeError(f"{path}: {mark!r} has no place in SettingField")


def _marks(info: FieldInfo) -> Iterator[Any]:
    """All metadata, of the members of a union too (`Bytes | None`)."""
    waiting = [*info.metadata, *_members(info.annotation)]
    while waiting:
        mark = waiting.pop(0)
        if isinstance(mark, FieldInfo):
            waiting[:0] = mark.metadata
        elif get_origin(mark) is Annotated:
            waiting[:0] = mark.__metadata__
        elif not (isinstance(mark, type) or get_origin(mark) is not None):
            yield mark


def _members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else ()


def _holds(annotation: Any, wanted: type) -> bool:
    return annotation is wanted or any(_holds(part, wanted) for part in get_args(annotation))


def _plain(annotation: Any) -> Any:
    """The annotation without pydantic's types: a secret is text, a section in a list a mapping."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if annotation is SecretStr:
        return str
    if section_of(annotation) is not None:
        return dict[str, Any]
    if get_origin(annotation) is list:
        return list[_plain(get_args(annotation)[0])]  # type: ignore[misc]
    members = _members(annotation)
    if members:
        result = _plain(members[0])
        for member in members[1:]:
            result |= _plain(member)
        return result
    return annotation


def _code(annotation: Any) -> str:
    if annotation is NoneType:
        return "None"
    if _members(annotation):
        return " | ".join(map(_code, get_args(annotation)))
    if get_origin(annotation) is Literal:
        return f"Literal[{', '.join(map(repr, get_args(annotation)))}]"
    if get_origin(annotation) is not None:
        name = get_origin(annotation).__name__
        return f"{name}[{', '.join(map(_code, get_args(annotation)))}]"
    return "Any" if annotation is Any else str(annotation.__name__)


def text() -> str:
    """What the file should hold, before it is formatted."""
    rows = []
    for path, info in leaves():
        given = dict(_declared(path, info))
        words = [repr(path), _code(given.pop("annotation")), repr(given.pop("help"))]
        words += [f"{name}={value!r}" for name, value in given.items()]
        rows.append(f"    SettingField({', '.join(words)}),\n")
    return f"{_HEAD}{''.join(rows)})\n"


if __name__ == "__main__":
    Path(declared.__file__).write_text(text(), encoding="utf-8")
    print("written; `ruff format` it", file=sys.stderr)
