"""A JSON file of a model's folder, read without trust: it may be large, torn, or no file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from mixvllm.core.regular_file import Unreadable, read_regular

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

SMALL: Final = 16 * 2**20  # bytes; a configuration has some kB, one with a long vocabulary 2 MB
_MOST_VALUES: Final = 400_000  # Kimi-K2's index names 280,000 tensors
_WIDEST: Final = 4  # bytes of a letter in memory, for all letters of a text that has one such
POINTER: Final = b"version https://git-lfs.github.com/spec/"
_POINTER: Final = "is a Git LFS pointer, not the file: run `git lfs pull` in the model's folder"


@dataclass(frozen=True, slots=True)
class JsonFile:
    """What a file holds. ``fault`` is why it holds nothing, in words that follow its name."""

    name: str
    there: bool = False
    values: Mapping[str, Json] = field(default_factory=dict)
    fault: str = ""


def read_json(path: Path, *, at_most: int = SMALL) -> JsonFile:
    """Read a file that holds one JSON object. Never raises, never waits for a pipe."""
    try:
        data = read_regular(path, at_most=at_most)
    except FileNotFoundError:
        return JsonFile(path.name)
    except Unreadable as why:
        return JsonFile(path.name, there=True, fault=str(why))
    return parse_json(path.name, data, at_most=at_most)


def parse_json(name: str, data: bytes, *, at_most: int = SMALL) -> JsonFile:
    """The JSON object that a file's bytes hold. Never raises."""
    if data.startswith(POINTER):
        return JsonFile(name, there=True, fault=_POINTER)
    if _is_heavy(data, at_most):
        return JsonFile(name, there=True, fault="holds far more than such a file does")
    try:
        values = json.loads(data)
    except RecursionError:
        return JsonFile(name, there=True, fault="is nested too deeply")
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        return JsonFile(name, there=True, fault=f"is not JSON, or cut off: {place}")
    except ValueError:  # no UTF-8, or a number of more than 4,300 digits
        return JsonFile(name, there=True, fault="is not JSON")
    if not isinstance(values, dict):
        return JsonFile(name, there=True, fault="is not a JSON object")
    return JsonFile(name, there=True, values=values)


def _is_heavy(data: bytes, at_most: int) -> bool:
    """Whether it would take many times its size in memory: `[],[],[],...` takes twenty times."""
    values = data.count(b",") + data.count(b"[") + data.count(b"{")
    return values > _MOST_VALUES or (len(data) > at_most // _WIDEST and not data.isascii())
