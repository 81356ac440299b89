"""What names stand for while vLLM's sources are followed."""

import ast
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple


class Mark:
    """One of a few things that there is only one of."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


UNKNOWN: Final = Mark("unknown")
RAISED: Final = Mark("raised")  # the answer of a function that surely raises an error
PLATFORM: Final = Mark("platform")  # vLLM's `current_platform`: CUDA, with the card
SETTINGS: Final = Mark("settings")  # vLLM's whole configuration, of which little is known
INSTANCE: Final = Mark("instance")  # an object that is being made


class Card(NamedTuple):
    """The compute capability of a card, and vLLM's `DeviceCapability`."""

    major: int
    minor: int


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name of another package: ``torch.float16``."""

    name: str


@dataclass(frozen=True, slots=True)
class Multiple:
    """vLLM's `MultipleOf`: any block size that ``base`` divides."""

    base: int


@dataclass(frozen=True, eq=False, slots=True)
class Module:
    """A file of vLLM."""

    name: str  # "vllm.platforms.cuda"
    path: Path
    tree: ast.Module

    @property
    def package(self) -> str:
        """What a relative import starts from."""
        return self.name if self.path.stem == "__init__" else self.name.rpartition(".")[0]


@dataclass(frozen=True, eq=False, slots=True)
class Class:
    """A class as it is written; ``around`` are the names of the function that it stands in."""

    module: Module
    node: ast.ClassDef
    around: Mapping[str, object] = field(default_factory=dict)

    def frame(self, bound: object = None) -> "Frame":
        """Where the expressions in its body are read."""
        return Frame(self.module, dict(self.around), self, bound)


@dataclass(frozen=True, eq=False, slots=True)
class Function:
    """A function as it is written; ``holder`` is the class whose body it stands in, ``bound``
    what it was asked of.
    """

    module: Module
    node: ast.FunctionDef
    holder: Class | None = None
    bound: object = None


@dataclass(frozen=True, eq=False, slots=True)
class Above:
    """``super()``: the classes behind ``holder`` in the order of ``bound``."""

    holder: Class
    bound: object


@dataclass(frozen=True, eq=False, slots=True)
class Builtin:
    """A method of a string or a list."""

    call: Callable[..., object]


@dataclass(slots=True)
class Frame:
    """The names of a function that is being followed."""

    module: Module
    names: dict[str, object]
    holder: Class | None = None
    bound: object = None
    depth: int = 0

    def split(self) -> "Frame":
        """A copy for one of two ways that may be taken."""
        names = {k: copy(v) if isinstance(v, list | dict) else v for k, v in self.names.items()}
        return Frame(self.module, names, self.holder, self.bound, self.depth)


@dataclass(slots=True)
class Budget:
    """How many statements may still be followed for one question."""

    left: int = 40_000


def truth(value: object) -> bool | None:
    """Whether a value counts as true; None when that is not known."""
    if value is UNKNOWN or value is RAISED or isinstance(value, Symbol):
        return None
    if isinstance(value, Mark | Class | Function | Module | Builtin | Above):
        return True
    return bool(value)


def joined(one: object, other: object) -> object:
    """What two ways have in common; two reasons, in whatever words, are one."""
    if type(one) is type(other) and one == other:
        return one
    if isinstance(one, str) and isinstance(other, str) and one and other:
        return one
    return UNKNOWN


def has_unknown(value: object) -> bool:
    """Whether anything in a value is unknown."""
    if isinstance(value, list | tuple | set | frozenset) and not isinstance(value, Card):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN
