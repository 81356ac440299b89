"""Follows expressions: what one stands for, as far as its parts are known."""

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Final

from mixvllm.vllm.follow.operators import builtin, comparison, picked, sum_of
from mixvllm.vllm.follow.values import (
    INSTANCE,
    PLATFORM,
    RAISED,
    SETTINGS,
    UNKNOWN,
    Above,
    Builtin,
    Card,
    Class,
    Frame,
    Function,
    Module,
    Multiple,
    Symbol,
    has_unknown,
    truth,
)

_SAME_DTYPE: Final = {
    "torch.half": "torch.float16", "torch.float": "torch.float32",
}  # fmt: skip
# What vLLM's platform answers on CUDA; the rest is followed in its class.
_PLATFORMS: Final = {
    "is_cuda": True, "is_cuda_alike": True, "is_rocm": False, "is_xpu": False, "is_cpu": False,
    "is_tpu": False, "is_neuron": False, "is_hpu": False, "is_out_of_tree": False,
}  # fmt: skip
_TEXT: Final = ("startswith", "endswith", "lower", "upper", "removeprefix", "removesuffix")
_LIST: Final = ("append", "insert", "extend")
_DICT: Final = ("setdefault", "update", "get")


class Expressions(ABC):
    """What an expression stands for in a frame."""

    card: Card

    @abstractmethod
    def call(
        self, function: Function, positional: list[object], named: Mapping[str, object], depth: int
    ) -> object:
        """What a function answers."""

    @abstractmethod
    def global_name(self, module: Module, name: str) -> object:
        """What a name at the top of a file stands for."""

    @abstractmethod
    def found(self, path: str) -> object:
        """What a dotted path stands for."""

    def value(self, node: ast.expr, frame: Frame) -> object:
        """What an expression stands for; UNKNOWN when that cannot be told."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self._name(name, frame)
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if frame.bound is INSTANCE:
                own = frame.names.get(f"self.{name}", frame.names.get(name, UNKNOWN))
                return self._of_holder(frame.holder, name) if own is UNKNOWN else own
            case ast.Attribute(value=inner, attr=name):
                return self.attribute(self.value(inner, frame), name)
            case ast.Call():
                return self._call(node, frame)
            case ast.BoolOp(op=op, values=parts):
                return self._either(isinstance(op, ast.Or), parts, frame)
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                known = truth(self.value(inner, frame))
                return UNKNOWN if known is None else not known
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                number = self.value(inner, frame)
                return -number if isinstance(number, int) else UNKNOWN
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._compared(left, ops, others, frame)
            case ast.BinOp(left=left, op=op, right=right):
                return sum_of(op, self.value(left, frame), self.value(right, frame))
            case ast.IfExp(test=test, body=then, orelse=other):
                way = truth(self.value(test, frame))
                if way is not None:
                    return self.value(then if way else other, frame)
                one, two = self.value(then, frame), self.value(other, frame)
                return one if type(one) is type(two) and one == two else UNKNOWN
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                return self._items(parts, frame)
            case ast.Dict(keys=keys, values=values):
                if any(key is None for key in keys):
                    return UNKNOWN
                named = (self.value(key, frame) for key in keys if key is not None)
                return dict(zip(named, (self.value(v, frame) for v in values), strict=True))
            case ast.JoinedStr():
                return "..."  # a text: only whether there is one matters
            case ast.NamedExpr(target=ast.Name(id=name), value=inner):
                frame.names[name] = self.value(inner, frame)
                return frame.names[name]
            case ast.Subscript(value=inner, slice=index):
                return picked(self.value(inner, frame), self.value(index, frame))
            case (
                ast.GeneratorExp(elt=element, generators=[only])
                | ast.ListComp(elt=element, generators=[only])
            ):
                return self._comprehended(element, only, frame)
        return UNKNOWN

    def _name(self, name: str, frame: Frame) -> object:
        if name in frame.names:
            return frame.names[name]
        if name == "DeviceCapability" or name == "MultipleOf":
            return Symbol(name)
        found = self.global_name(frame.module, name)
        return Symbol(f"builtins.{name}") if found is UNKNOWN else found

    def _items(self, parts: list[ast.expr], frame: Frame) -> object:
        items: list[object] = []
        for part in parts:
            if isinstance(part, ast.Starred):
                inner = self.value(part.value, frame)
                if not isinstance(inner, list | tuple):
                    return UNKNOWN
                items += inner
            else:
                items.append(self.value(part, frame))
        return items

    def _comprehended(self, element: ast.expr, only: ast.comprehension, frame: Frame) -> object:
        over = self.value(only.iter, frame)
        if not isinstance(over, list | tuple) or not isinstance(only.target, ast.Name):
            return UNKNOWN
        made: list[object] = []
        for item in over:
            inner = frame.split()
            inner.names[only.target.id] = item
            ways = [truth(self.value(test, inner)) for test in only.ifs]
            if None in ways:
                return UNKNOWN
            if all(ways):
                made.append(self.value(element, inner))
        return made

    def _either(self, is_or: bool, parts: list[ast.expr], frame: Frame) -> object:
        """``a or b`` is certain as soon as one part decides it, whatever the others are."""
        values: list[object] = []
        for part in parts:
            value = self.value(part, frame)
            known = truth(value)
            if known is is_or and not any(truth(v) is None for v in values):
                return value
            if known is is_or:
                return is_or
            values.append(value)
        return UNKNOWN if any(truth(v) is None for v in values) else values[-1]

    def _compared(
        self, left: ast.expr, ops: list[ast.cmpop], others: list[ast.expr], frame: Frame
    ) -> object:
        one = self.value(left, frame)
        unsure = False
        for op, node in zip(ops, others, strict=True):
            two = self.value(node, frame)
            known = comparison(op, one, two)
            if known is False:
                return False
            unsure |= known is not True
            one = two
        return UNKNOWN if unsure else True

    def attribute(self, holder: object, name: str) -> object:
        """``holder.name``."""
        match holder:
            case Module():
                return self.global_name(holder, name)
            case Symbol(name=path):
                return Symbol(_SAME_DTYPE.get(f"{path}.{name}", f"{path}.{name}"))
            case Class(module=module, node=node) if name in ("__module__", "__qualname__"):
                return module.name if name == "__module__" else node.name
            case Class():
                return self._of_class(holder, name, holder)
            case Above(holder=own, bound=bound):
                order = self._order(bound if isinstance(bound, Class) else own)
                behind = order.index(own) + 1 if own in order else len(order)
                return self._of_classes(order[behind:], name, bound)
            case Card() if name in ("major", "minor"):
                return getattr(holder, name)
            case Card(major=major, minor=minor):
                answers = {"to_int": major * 10 + minor, "as_version_str": f"{major}.{minor}"}
                return _answering(answers[name]) if name in answers else UNKNOWN
            case Multiple(base=base) if name == "base":
                return base
            case str() | int() if name == "value":
                return holder  # of an enumeration's member, which stands for its value
            case str() if name in _TEXT:
                return Builtin(getattr(holder, name))
            case list() if name in _LIST:
                return Builtin(getattr(holder, name))
            case dict() if name in _DICT:
                return Builtin(getattr(holder, name))
        if holder is PLATFORM:
            return self._of_platform(name)
        if holder is SETTINGS:
            if name == "flash_attn_version":
                return None  # unless it is set: who asks must look
            return SETTINGS if name.endswith("_config") else UNKNOWN
        return UNKNOWN

    def members(self, value: object) -> object:
        """The members of an enumeration; whatever is none stays as it is."""
        if not isinstance(value, Class):
            return value
        frame = value.frame()
        return [
            self.value(node.value, frame)
            for node in value.node.body
            if isinstance(node, ast.Assign)
        ]

    def _of_platform(self, name: str) -> object:
        number = self.card.major * 10 + self.card.minor
        asked: Mapping[str, Callable[..., object]] = {
            "get_device_capability": lambda *_: self.card,
            "has_device_capability": lambda wanted, *_: number >= _number(wanted),
            "is_device_capability": lambda wanted, *_: number == _number(wanted),
            "is_device_capability_family": lambda wanted, *_: number // 10 == _number(wanted) // 10,
        }
        if name in asked:
            return Builtin(asked[name])
        if name in _PLATFORMS:
            return _answering(_PLATFORMS[name])
        found = self.found("vllm.platforms.cuda.CudaPlatformBase")
        return self._of_class(found, name, PLATFORM) if isinstance(found, Class) else UNKNOWN

    def _of_class(self, holder: Class, name: str, bound: object) -> object:
        return self._of_classes(self._order(holder), name, bound)

    def _of_classes(self, classes: list[object], name: str, bound: object) -> object:
        """The first of these classes that has a name; an unknown one may have it too."""
        for holder in classes:
            if not isinstance(holder, Class):
                return UNKNOWN
            for node in holder.node.body:
                match node:
                    case ast.FunctionDef(name=own) if own == name:
                        return Function(holder.module, node, holder, bound)
                    case ast.Assign(targets=[ast.Name(id=own)], value=value) if own == name:
                        return self.value(value, holder.frame(bound))
                    case ast.AnnAssign(target=ast.Name(id=own), value=ast.expr() as value) if (
                        own == name
                    ):
                        return self.value(value, holder.frame(bound))
        return UNKNOWN

    def _of_holder(self, holder: Class | None, name: str) -> object:
        return UNKNOWN if holder is None else self._of_class(holder, name, INSTANCE)

    def _order(self, holder: Class) -> list[object]:
        """A class and all that it inherits from, the nearest first."""
        found: list[object] = [holder]
        for base in holder.node.bases:
            inner = base.value if isinstance(base, ast.Subscript) else base
            value = self.value(inner, holder.frame())
            if isinstance(value, Class):
                found += [c for c in self._order(value) if c not in found]
            elif isinstance(value, Symbol) and value.name.rpartition(".")[2] in _BASES:
                continue
            else:
                found.append(UNKNOWN)
        return found

    def _call(self, node: ast.Call, frame: Frame) -> object:
        if isinstance(node.func, ast.Name) and node.func.id == "super" and frame.holder:
            return Above(frame.holder, frame.bound)
        function = self.value(node.func, frame)
        positional = [self.value(a, frame) for a in node.args if not isinstance(a, ast.Starred)]
        named = {k.arg: self.value(k.value, frame) for k in node.keywords if k.arg is not None}
        match function:
            case Function():
                result = self.call(function, positional, named, frame.depth + 1)
                return UNKNOWN if result is RAISED else result
            case Symbol(name="DeviceCapability"):
                both = [*positional, *named.values()]
                known = len(both) == 2 and all(isinstance(part, int) for part in both)
                return Card(*both) if known else UNKNOWN  # type: ignore[arg-type]
            case Symbol(name="MultipleOf"):
                return Multiple(positional[0]) if isinstance(positional[0], int) else UNKNOWN
            case Symbol(name="typing.get_args"):
                return positional[0] if isinstance(positional[0], list) else UNKNOWN
            case Symbol(name=name) if name.startswith("builtins."):
                return builtin(name.removeprefix("builtins."), positional)
            case Builtin(call=call):
                known = not any(map(has_unknown, positional))
                return call(*positional, *named.values()) if known else UNKNOWN
        return UNKNOWN


_BASES: Final = {
    "ABC",
    "Enum",
    "IntEnum",
    "StrEnum",
    "str",
    "Generic",
    "object",
    "Protocol",
    "int",
    "NamedTuple",
}


def _answering(value: object) -> Builtin:
    return Builtin(lambda *_: value)


def _number(wanted: object) -> int:
    """A compute capability as vLLM's platform takes it: ``89`` or ``(8, 9)``."""
    match wanted:
        case int():
            return wanted
        case [int(major), int(minor)] | (int(major), int(minor)):
            return major * 10 + minor
    raise TypeError(f"{wanted!r} is no compute capability")
