"""What a name stands for in a file of vLLM."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from mixvllm.vllm.follow.values import Module
from mixvllm.vllm.sources import tree

Bound: TypeAlias = tuple[ast.AST, bool]
"""What a name is bound to, and whether only some ways lead there."""


class Modules:
    """The files of one release's package, read when they are asked for."""

    def __init__(self, package: Path) -> None:
        self._package = package
        self._read: dict[str, Module | None] = {}

    def find(self, name: str) -> Module | None:
        """``vllm.platforms.cuda``; None when there is no such file."""
        if name not in self._read:
            head, *rest = name.split(".")
            base = self._package.joinpath(*rest)
            paths = (base / "__init__.py", base.with_name(f"{base.name}.py"))
            path = next((p for p in paths if p.is_file()), None) if head == "vllm" else None
            self._read[name] = None if path is None else Module(name, path, tree(path))
        return self._read[name]


def bindings(
    body: list[ast.stmt], name: str, decide: Callable[[ast.expr], bool | None]
) -> Iterator[Bound]:
    """Everything that binds a name at the top of a file; ``decide`` tells how an `if` goes."""
    for node in body:
        match node:
            case ast.If(test=test, body=then, orelse=other):
                way = decide(test)
                for branch, taken in ((then, way is not False), (other, way is not True)):
                    found = bindings(branch, name, decide) if taken else ()
                    yield from ((bound, maybe or way is None) for bound, maybe in found)
            case ast.Try(body=then, handlers=handlers):
                caught = [item for handler in handlers for item in handler.body]
                twice = any(True for _ in bindings(caught, name, decide))
                yield from (
                    (bound, maybe or twice) for bound, maybe in bindings(then, name, decide)
                )
            case ast.With(body=then):
                yield from bindings(then, name, decide)
            case _ if binds(node, name):
                yield node, False


def binds(node: ast.stmt, name: str) -> bool:
    """Whether one statement binds a name."""
    match node:
        case ast.FunctionDef(name=own) | ast.ClassDef(name=own):
            return own == name
        case ast.Assign(targets=targets):
            return any(isinstance(t, ast.Name) and t.id == name for t in targets)
        case ast.AnnAssign(target=ast.Name(id=own), value=value):
            return own == name and value is not None
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return any((alias.asname or alias.name.partition(".")[0]) == name for alias in names)
    return False


def imported_from(node: ast.ImportFrom, package: str) -> str:
    """The module that ``from ..x import y`` names."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - node.level + 1])
    return f"{base}.{node.module}" if node.module else base
