"""What an annotation of vLLM's says about the values it takes, read from its text.

``int | Literal['auto'] | None`` is parsed, never evaluated. A name that is not known here (``Any``,
an enum with a validator of its own) makes the whole annotation unknown: better no check than a
wrong one.
"""

import ast
from collections.abc import Collection
from dataclasses import dataclass, replace

from mixvllm.vllm.option import Choice, JsonType

_TYPES = {
    "bool": JsonType.BOOLEAN,
    "int": JsonType.INTEGER,
    "float": JsonType.NUMBER,
    "str": JsonType.STRING,
    "Path": JsonType.STRING,
    "list": JsonType.LIST,
    "tuple": JsonType.LIST,
    "set": JsonType.LIST,
    "dict": JsonType.MAPPING,
    "Counter": JsonType.MAPPING,
    "None": JsonType.NULL,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The values an annotation takes."""

    accepts: frozenset[JsonType] | None  # None: not known
    choices: tuple[Choice, ...] | None = None  # None: any value of the accepted types
    configs: tuple[str, ...] = ()  # config classes a mapping may be one of
    items: frozenset[JsonType] | None = None  # of a list, or the values of a mapping; None: any

    @property
    def optional(self) -> bool:
        """Whether null is one of the values."""
        return self.accepts is not None and JsonType.NULL in self.accepts


_UNKNOWN = Shape(None)


def parse_annotation(text: str, *, configs: Collection[str] = ()) -> Shape:
    """Read an annotation. ``configs``: the classes that are mappings with keys of their own."""
    try:
        return _shape(ast.parse(text, mode="eval").body, configs)
    except SyntaxError:
        return _UNKNOWN


def _shape(node: ast.expr, configs: Collection[str]) -> Shape:
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _either(_shape(left, configs), _shape(right, configs))
        case ast.Constant(value=None):
            return Shape(frozenset({JsonType.NULL}), (None,))
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            return _literal(choices)
        case ast.Subscript(value=ast.Name(id="dict") as outer, slice=ast.Tuple(elts=[_, inner])):
            return replace(_shape(outer, configs), items=_shape(inner, configs).accepts)
        case ast.Subscript(value=ast.Name(id="list" | "set") as outer, slice=inner):
            return replace(_shape(outer, configs), items=_shape(inner, configs).accepts)
        case ast.Subscript(value=ast.Name() as outer):
            return _shape(outer, configs)
        case ast.Name(id=name) if name in configs:
            return Shape(frozenset({JsonType.MAPPING}), configs=(name,))
        case ast.Name(id=name) if name in _TYPES:
            return Shape(frozenset({_TYPES[name]}))
        case _:
            return _UNKNOWN


def _literal(node: ast.expr) -> Shape:
    values = ast.literal_eval(node)
    choices = values if isinstance(values, tuple) else (values,)
    return Shape(frozenset(_TYPES[type(choice).__name__] for choice in choices), choices)


def _either(left: Shape, right: Shape) -> Shape:
    """Both. A type without choices on one side lifts the choices of the other, except null."""
    if left.accepts is None or right.accepts is None:
        return _UNKNOWN
    both = None
    if left.choices is not None and right.choices is not None:
        both = left.choices + right.choices
    items = left.items or right.items
    if {JsonType.LIST, JsonType.MAPPING} <= left.accepts | right.accepts:
        items = None  # whose items they are is not told apart
    return Shape(left.accepts | right.accepts, both, left.configs + right.configs, items)
