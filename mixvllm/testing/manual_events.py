"""The table of docs/json.md: the events of a run, from their classes."""

import re
from dataclasses import fields, is_dataclass
from enum import Enum
from types import UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from mixvllm.core import events

_WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")
_NAMES: Final = {int: "integer", float: "number", str: "string", bool: "true or false"}


def table() -> str:
    """Every event, with the keys that it adds to the first five."""
    rows = ["| event | when | keys |", "|---|---|---|"]
    for event in get_args(events.Event):
        hints = get_type_hints(event)
        keys = [f"`{f.name}` {_type(hints[f.name])}" for f in fields(event) if f.name != "at"]
        when = " ".join((event.__doc__ or "").split("\n\n", 1)[0].split())
        name = _WORD.sub("_", event.__name__).lower()
        rows.append(f"| `{name}` | {_told(when)} | {'<br>'.join(keys)} |")
    return "\n".join(rows) + "\n"


def _told(text: str) -> str:
    return re.sub(r":\w+:(?=`)", "", text).replace("``", "`").replace("None", "null")


def _type(hint: Any) -> str:
    members = get_args(hint)
    if isinstance(hint, UnionType):
        words = [_type(member) for member in members if member is not type(None)]
        return " or ".join([*words, "null"] if type(None) in members else words)
    if get_origin(hint) is tuple:
        item = members[0]
        if is_dataclass(item) and isinstance(item, type):
            inner = get_type_hints(item)
            keys = ", ".join(f"`{f.name}` {_type(inner[f.name])}" for f in fields(item))
            return f"list of {{{keys}}}"
        return f"list of {_type(item)}s"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "one of " + ", ".join(f"`{member.value}`" for member in hint)
    return _NAMES[hint]
