"""Follows statements: the ways through a function, and what it answers on all of them."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Final

from mixvllm.vllm.follow.expressions import Expressions
from mixvllm.vllm.follow.names import Modules, bindings, imported_from
from mixvllm.vllm.follow.values import (
    PLATFORM,
    RAISED,
    SETTINGS,
    UNKNOWN,
    Budget,
    Card,
    Class,
    Frame,
    Function,
    Module,
    Symbol,
    joined,
    truth,
)

# NVIDIA's builds of vLLM hold FlashAttention 2 and 3; version 4 came later and needs a package.
_ASSUMED: Final[Mapping[str, object]] = {
    "current_platform": PLATFORM, "FA2_AVAILABLE": True, "FA3_AVAILABLE": True,
    "TYPE_CHECKING": True,
}  # fmt: skip
_SETTINGS: Final = ("get_current_vllm_config", "get_current_vllm_config_or_none")
_DEEPEST: Final = 25  # calls within calls


class Follower(Expressions):
    """One release's sources, followed for one card."""

    def __init__(self, package: Path, card: Card) -> None:
        self.card = card
        self._modules = Modules(package)
        self._known: dict[tuple[str, str], object] = {}
        self._budget = Budget()

    def ask(self, place: str, name: str, **arguments: object) -> object:
        """What a function of a module answers; UNKNOWN when there is none."""
        module = self._modules.find(place)
        found = UNKNOWN if module is None else self.global_name(module, name)
        return self.ask_of(found, None, **arguments) if isinstance(found, Function) else UNKNOWN

    def ask_of(
        self, holder: object, method: str | None, *positional: object, **arguments: object
    ) -> object:
        """What a method answers; named arguments that it does not take are left out."""
        self._budget = Budget()
        function = holder if method is None else self.attribute(holder, method)
        if not isinstance(function, Function):
            return UNKNOWN
        taken = function.node.args
        names = {a.arg for a in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)}
        given = {name: value for name, value in arguments.items() if name in names}
        return self.call(function, list(positional), given, depth=0)

    def found(self, path: str) -> object:
        """The class or value behind a dotted path; UNKNOWN when it is none of vLLM's."""
        place, _, name = path.rpartition(".")
        module = self._modules.find(place)
        return UNKNOWN if module is None else self.global_name(module, name)

    def global_name(self, module: Module, name: str) -> object:
        """What a name at the top of a file stands for."""
        if name in _ASSUMED:
            return _ASSUMED[name]
        if module.name == "vllm.envs":
            return UNKNOWN
        key = (module.name, name)
        if key not in self._known:
            self._known[key] = UNKNOWN  # should it lead back to itself
            self._known[key] = self._global(module, name)
        value = self._known[key]
        return copy(value) if isinstance(value, list | dict) else value

    def _global(self, module: Module, name: str) -> object:
        frame = Frame(module, {})
        found = list(bindings(module.tree.body, name, lambda test: truth(self.value(test, frame))))
        if not found:
            inner = self._modules.find(f"{module.name}.{name}")
            return UNKNOWN if inner is None else inner
        node, maybe = found[-1]
        if maybe or (len(found) > 1 and any(uncertain for _, uncertain in found)):
            return UNKNOWN
        return self._bound(node, name, frame)

    def _bound(self, node: ast.AST, name: str, frame: Frame) -> object:
        match node:
            case ast.FunctionDef():
                return Function(frame.module, node)
            case ast.ClassDef():
                return Class(frame.module, node)
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                return self.value(value, frame)
            case ast.Import() | ast.ImportFrom():
                return dict(self._imported(node, frame.module)).get(name, UNKNOWN)
        return UNKNOWN

    def _imported(
        self, node: ast.Import | ast.ImportFrom, module: Module
    ) -> Iterator[tuple[str, object]]:
        for alias in node.names:
            if isinstance(node, ast.Import):
                name = alias.asname or alias.name.partition(".")[0]
                yield name, self._modules.find(alias.name if alias.asname else name) or Symbol(name)
                continue
            place, name = imported_from(node, module.package), alias.asname or alias.name
            source = self._modules.find(place)
            if alias.name in _ASSUMED:
                yield name, _ASSUMED[alias.name]
            elif source is not None:
                yield name, self.global_name(source, alias.name)
            else:
                inner = place.startswith("vllm.")  # a file that this build lacks
                yield name, UNKNOWN if inner else Symbol(f"{place}.{alias.name}")

    def call(
        self, function: Function, positional: list[object], named: Mapping[str, object], depth: int
    ) -> object:
        """What a function answers on every way through it: one value, RAISED or UNKNOWN."""
        if function.node.name in _SETTINGS:
            return SETTINGS
        if depth > _DEEPEST:
            return UNKNOWN
        taken = function.node.args
        names = [a.arg for a in (*taken.posonlyargs, *taken.args)]
        static = any(
            isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.node.decorator_list
        )
        if function.bound is not None and not static:
            positional = [function.bound, *positional]
        frame = Frame(
            function.module,
            {**(function.holder.around if function.holder else {}),
             **dict.fromkeys((*names, *(a.arg for a in taken.kwonlyargs)), UNKNOWN)},
            function.holder, function.bound, depth,
        )  # fmt: skip
        defaults = zip(names[len(names) - len(taken.defaults) :], taken.defaults, strict=True)
        keywords = zip((a.arg for a in taken.kwonlyargs), taken.kw_defaults, strict=True)
        for name, default in (*defaults, *keywords):
            if default is not None:
                frame.names[name] = self.value(default, frame)
        frame.names |= dict(zip(names, positional, strict=False))
        frame.names |= dict(named)
        for rest in filter(None, (taken.vararg, taken.kwarg)):
            frame.names[rest.arg] = UNKNOWN
        return self._follow(function.node.body, frame)

    def _follow(self, body: list[ast.stmt], frame: Frame) -> object:
        """The answer of these statements; None when they end without one."""
        waiting = list(body)
        while waiting:
            self._budget.left -= 1
            if self._budget.left < 0:
                return UNKNOWN
            node = waiting.pop(0)
            match node:
                case ast.Return(value=None):
                    return None
                case ast.Return(value=ast.expr() as value):
                    return self.value(value, frame)
                case ast.Raise():
                    return RAISED
                case ast.Break() | ast.Continue() | ast.While() | ast.Match():
                    return UNKNOWN
                case ast.If(test=test, body=then, orelse=other):
                    way = truth(self.value(test, frame))
                    if way is None:
                        return joined(
                            self._follow([*then, *waiting], frame.split()),
                            self._follow([*other, *waiting], frame.split()),
                        )
                    waiting = [*(then if way else other), *waiting]
                case ast.With(body=then):
                    waiting = [*then, *waiting]
                case ast.Try(body=then, handlers=handlers, finalbody=last):
                    whole = self._follow([*then, *last, *waiting], frame.split())
                    if whole is not RAISED and not _leans_on_others(then):
                        return whole
                    others = (
                        self._follow([*handler.body, *last, *waiting], frame.split())
                        for handler in handlers
                    )
                    return _all_joined((whole, *others))
                case ast.For(target=target, iter=over, body=then):
                    items = self.members(self.value(over, frame))
                    if not isinstance(items, list | tuple | dict):
                        return UNKNOWN
                    name = f"round of line {node.lineno}"
                    for i, item in enumerate(items):
                        frame.names[f"{name}: {i}"] = item
                    rounds = [
                        step
                        for i in range(len(items))
                        for step in (_assignment(target, f"{name}: {i}", node), *then)
                    ]
                    waiting = [*rounds, *waiting]
                case _:
                    self._do(node, frame)
        return None

    def _do(self, node: ast.stmt, frame: Frame) -> None:
        """A statement that only changes names."""
        match node:
            case ast.Assign(targets=targets, value=value):
                result = self.value(value, frame)
                for target in targets:
                    self._assign(target, result, frame)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, self.value(value, frame), frame)
            case ast.AugAssign(target=target):
                self._assign(target, UNKNOWN, frame)
            case ast.Expr(value=value):
                self.value(value, frame)
            case ast.Import() | ast.ImportFrom():
                frame.names |= dict(self._imported(node, frame.module))
            case ast.ClassDef(name=name):
                frame.names[name] = Class(frame.module, node, dict(frame.names))
            case ast.FunctionDef(name=name):
                frame.names[name] = UNKNOWN

    def _assign(self, target: ast.expr, value: object, frame: Frame) -> None:
        match target:
            case ast.Name(id=name):
                frame.names[name] = value
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                frame.names[f"self.{name}"] = value
            case ast.Subscript(value=holder, slice=index):
                kept, key = self.value(holder, frame), self.value(index, frame)
                if isinstance(kept, dict) and isinstance(key, str):
                    kept[key] = value
                elif isinstance(kept, dict):
                    kept.clear()  # whatever it holds now
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                known = isinstance(value, list | tuple) and len(value) == len(parts)
                values = list(value) if known else [UNKNOWN] * len(parts)  # type: ignore[call-overload]
                for part, one in zip(parts, values, strict=True):
                    self._assign(part, one, frame)


def _leans_on_others(body: Iterable[ast.stmt]) -> bool:
    """Whether a package is imported that may be missing."""
    for node in body:
        match node:
            case ast.Import(names=names) if any(a.name.split(".")[0] not in _HERE for a in names):
                return True
            case ast.ImportFrom(level=0, module=str(module)):
                if module.partition(".")[0] not in _HERE:
                    return True
    return False


_HERE: Final = {"vllm", "torch"}


def _all_joined(values: Iterable[object]) -> object:
    first, *rest = values
    for value in rest:
        first = joined(first, value)
    return first


def _assignment(target: ast.expr, source: str, node: ast.stmt) -> ast.stmt:
    """``target = source``, as a round of a loop begins."""
    return ast.copy_location(ast.Assign([target], ast.Name(source)), node)
