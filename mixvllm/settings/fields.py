"""The schema seen as a flat list: every field with its path, option and flags.

Derived from :mod:`mixvllm.settings.schema`, so that an option is written once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mixvllm.core.origin import KeyPath
from mixvllm.settings.schema import Cli, Engine, Profile

FREE_FORM: frozenset[KeyPath] = frozenset({("vllm", "args"), ("vllm", "env")})


def option_name(written: str) -> str:
    """A key of ``vllm.args`` in kebab case; a short flag (``-tp``) keeps its dash."""
    return written.replace("_", "-").removeprefix("--")


@dataclass(frozen=True, slots=True)
class SettingField:
    """A leaf of the profile."""

    path: KeyPath
    info: FieldInfo
    engine_option: str | None  # long flag without dashes
    cli_flags: tuple[str, ...]

    @property
    def help(self) -> str:
        """The field's one sentence."""
        return self.info.description or ""


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The section a field holds, or None for a leaf."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None


def _walk(section: type[BaseModel], at: KeyPath) -> Iterator[SettingField]:
    for name, info in section.model_fields.items():
        path = (*at, name)
        inner = section_of(info.annotation)
        if inner is not None:
            yield from _walk(inner, path)
            continue
        option: str | None = None
        flags: tuple[str, ...] = ()
        for mark in info.metadata:
            if isinstance(mark, Engine):
                option = mark.option or name.replace("_", "-")
            elif isinstance(mark, Cli):
                flags = mark.flags
        yield SettingField(path, info, option, flags)


@cache
def all_fields() -> tuple[SettingField, ...]:
    """Every leaf of a profile, in the order of the schema."""
    return tuple(_walk(Profile, ()))


@cache
def field_at(path: KeyPath) -> SettingField | None:
    """The leaf with this path."""
    return next((field for field in all_fields() if field.path == path), None)


def type_in_words(annotation: Any) -> str:
    """``an integer``, ``a list``: what a leaf takes, for a message."""
    names = {int: "an integer", float: "a number", str: "a string", bool: "true or false"}
    if annotation in names:
        return names[annotation]
    origin = get_origin(annotation)
    if origin in (list, tuple):
        return "a list"
    if origin is dict:
        return "a mapping"
    if origin in (Union, UnionType):
        words = [type_in_words(arg) for arg in get_args(annotation) if arg is not type(None)]
        return " or ".join(dict.fromkeys(words))
    if section_of(annotation) is not None:
        return "a mapping"
    if get_args(annotation):
        literals = [arg for arg in get_args(annotation) if isinstance(arg, str)]
        if literals and len(literals) == len(get_args(annotation)):
            return " or ".join(literals)
        return type_in_words(get_args(annotation)[0])
    return "a string"
