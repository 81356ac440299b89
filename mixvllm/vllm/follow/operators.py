"""What Python's operators and built-in functions make of values that may be unknown."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Final

from mixvllm.vllm.follow.values import RAISED, UNKNOWN, Multiple, Symbol, has_unknown, truth

_ORDER: Final[Mapping[type[ast.cmpop], Callable[..., object]]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_SUMS: Final[Mapping[type[ast.operator], Callable[..., object]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
}  # fmt: skip
_KINDS: Final[Mapping[str, type]] = {
    "MultipleOf": Multiple, "builtins.str": str, "builtins.int": int, "builtins.list": list,
}  # fmt: skip


def comparison(op: ast.cmpop, one: object, two: object) -> bool | None:
    """``one < two`` and the like; None when that is not known."""
    match op:
        case ast.In() | ast.NotIn():
            held = _held(one, two)
            return None if held is None else held is isinstance(op, ast.In)
        case ast.Is() | ast.IsNot():
            if one is UNKNOWN or two is UNKNOWN or (isinstance(one, Symbol) and two is not None):
                return None
            return (one is two or (one == two and isinstance(one, bool))) is isinstance(op, ast.Is)
    if has_unknown(one) or has_unknown(two) or one is RAISED or two is RAISED:
        return None
    try:
        return bool(_ORDER[type(op)](_plain(one), _plain(two)))
    except (TypeError, KeyError):
        return None


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _held(one: object, two: object) -> bool | None:
    if not isinstance(two, list | tuple | dict | str) or one is UNKNOWN:
        return None
    if isinstance(two, str):
        return one in two if isinstance(one, str) else None
    if any(type(item) is type(one) and item == one for item in two):
        return True
    return None if has_unknown(list(two)) else False


def sum_of(op: ast.operator, one: object, two: object) -> object:
    """``one + two`` and the like; UNKNOWN when that is not known."""
    if isinstance(one, list) and isinstance(two, list) and isinstance(op, ast.Add):
        return one + two
    if not isinstance(one, int | str) or not isinstance(two, int | str):
        return UNKNOWN
    try:
        return _SUMS[type(op)](one, two)
    except (TypeError, KeyError, ZeroDivisionError):
        return UNKNOWN


def picked(holder: object, index: object) -> object:
    """``holder[index]``; UNKNOWN when that is not known."""
    if isinstance(holder, list | tuple) and isinstance(index, int):
        return holder[index] if -len(holder) <= index < len(holder) else UNKNOWN
    if isinstance(holder, dict) and isinstance(index, str):
        return holder.get(index, UNKNOWN)
    if holder == Symbol("typing.Literal"):
        return index if isinstance(index, list) else [index]
    return UNKNOWN


def builtin(name: str, given: list[object]) -> object:
    """``any``, ``all``, ``len`` and the like."""
    match name, given:
        case (("any" | "all"), [list() as items]):
            ways = [truth(item) for item in items]
            decisive = name == "any"
            if decisive in ways:
                return decisive
            return UNKNOWN if None in ways else not decisive
        case "enumerate", [list() as items]:
            return [[i, item] for i, item in enumerate(items)]
        case "len", [list() | str() as value]:
            return len(value)
        case "bool", [value]:
            known = truth(value)
            return UNKNOWN if known is None else known
        case (("list" | "tuple" | "set" | "sorted"), [list() as items]):
            return items
        case "isinstance", [value, Symbol(name=kind)] if kind in _KINDS and value is not UNKNOWN:
            return isinstance(value, _KINDS[kind])
        case "min" | "max", [list() as items] if all(isinstance(i, int) for i in items):
            return min(items) if name == "min" else max(items)
    return UNKNOWN
