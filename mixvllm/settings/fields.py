"""The schema seen as plain data: every leaf of a profile with what is declared of it.

:mod:`mixvllm.settings.schema` declares; :mod:`mixvllm.settings.declared` holds the same without
pydantic, because importing that costs more than checking a profile. A test holds them together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from mixvllm.core.origin import KeyPath

FREE_FORM: Final[frozenset[KeyPath]] = frozenset({("vllm", "args"), ("vllm", "env")})


def option_name(written: str) -> str:
    """A key of ``vllm.args`` in kebab case; a short flag (``-tp``) keeps its dash."""
    return written.replace("_", "-").removeprefix("--")


@dataclass(frozen=True, slots=True)
class SettingField:
    """A leaf of the profile."""

    path: KeyPath
    annotation: Any  # what it takes: bool, int, float, str, None, Literal, list, dict, or a union
    help: str  # the field's one sentence
    default: object = None  # a tuple stands for an empty list or mapping
    required: bool = False
    amount: Literal["duration", "size"] | None = None  # may be written as text with a unit
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    shortest: int = 0  # characters
    engine_option: str | None = None  # long flag without dashes
    cli_flags: tuple[str, ...] = ()
    secret: bool = False


def all_fields() -> tuple[SettingField, ...]:
    """Every leaf of a profile, in the order of the schema."""
    from mixvllm.settings.declared import FIELDS

    return FIELDS


@cache
def _by_path() -> dict[KeyPath, SettingField]:
    return {field.path: field for field in all_fields()}


@cache
def _sections() -> dict[KeyPath, tuple[str, ...]]:
    found: dict[KeyPath, dict[str, None]] = {}
    for field in all_fields():
        for depth in range(len(field.path)):
            found.setdefault(field.path[:depth], {})[str(field.path[depth])] = None
    return {path: tuple(keys) for path, keys in found.items()}


def field_at(path: KeyPath) -> SettingField | None:
    """The leaf with this path."""
    return _by_path().get(path)


def keys_of(path: KeyPath) -> tuple[str, ...]:
    """The keys of a section, in the order of the schema; none of what is no section."""
    return _sections().get(path, ())


def below(path: KeyPath) -> Iterator[SettingField]:
    """The leaves of a section, through the sections in it."""
    return (field for field in all_fields() if field.path[: len(path)] == path)


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
    if origin is Literal:
        return " or ".join(map(str, get_args(annotation)))
    return "a string"
