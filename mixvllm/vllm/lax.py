"""What vLLM's configuration classes make of a value that is not quite of the type they name.

They are pydantic dataclasses in lax mode: text of digits is taken for an integer, 1 and "yes" for
true, 8.0 for 8; but a number is never taken for text, and one item never for a list. Seen with
pydantic 2.14, which vLLM 0.32.0 has installed; tests/vllm/test_lax.py asks pydantic itself.
"""

import math
import re
from collections.abc import Collection, Mapping
from typing import Final

from mixvllm.vllm.option import JsonType

_BOOLEANS: Final = {
    **dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True),
    **dict.fromkeys(("0", "false", "f", "no", "n", "off"), False),
}
_INTEGER: Final = re.compile(r"([+-]?0[0_]*)?[+-]?\d+(_\d+)*(\.0+)?", re.ASCII)  # "0-1" is -1
_MISPLACED: Final = re.compile(r"^_|__|_$")


def takes(accepts: Collection[JsonType], value: object) -> bool:
    """Whether one of the types takes a value of JSON; what is in a list or mapping, any does."""
    return any(_takes(kind, value) for kind in accepts)


def number_of(value: object) -> float | None:
    """The number that a value is read as where one is wanted; None where it is none."""
    match value:
        case bool() | int() | float():
            return value
        case str() if (text := value.strip()).isascii() and not _MISPLACED.search(text):
            try:
                return float(text.replace("_", ""))
            except ValueError:
                return None
        case _:
            return None


def boolean_of(value: object) -> bool | None:
    """What a value is read as where true or false is wanted; None where it is neither."""
    if isinstance(value, str):
        return _BOOLEANS.get(value.lower())
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else None


def _takes(kind: JsonType, value: object) -> bool:
    match kind:
        case JsonType.BOOLEAN:
            return boolean_of(value) is not None
        case JsonType.INTEGER:
            return _is_whole(value)
        case JsonType.NUMBER:
            return number_of(value) is not None
        case JsonType.STRING:
            return isinstance(value, str)
        case JsonType.LIST:
            return isinstance(value, list)
        case JsonType.MAPPING:
            return isinstance(value, Mapping)
        case JsonType.NULL:
            return value is None


def _is_whole(value: object) -> bool:
    match value:
        case bool() | int():
            return True
        case float():
            return math.isfinite(value) and value.is_integer() and abs(value) < 2**63
        case str():
            return _INTEGER.fullmatch(value.strip()) is not None
        case _:
            return False
