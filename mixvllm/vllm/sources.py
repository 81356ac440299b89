"""vLLM's sources as text: what a module assigns to a name, without importing it."""

import ast
from functools import cache
from pathlib import Path
from typing import TypeAlias

Facts: TypeAlias = dict[str, dict[str, str]]
"""Of one release: section, then name, then letters (of an architecture; else none)."""


class NotUnderstood(ValueError):
    """vLLM's sources are not of the form that is known here."""


@cache
def tree(path: Path) -> ast.Module:
    """A file, parsed."""
    return ast.parse(path.read_text(encoding="utf-8"))


def assigned(module: ast.Module, name: str) -> ast.expr:
    """What a module assigns to a name. Raises NotUnderstood when it does not."""
    for node in module.body:
        targets = (
            node.targets if isinstance(node, ast.Assign)
            else [node.target] if isinstance(node, ast.AnnAssign) else []
        )  # fmt: skip
        if any(isinstance(t, ast.Name) and t.id == name for t in targets):
            value = getattr(node, "value", None)
            if isinstance(value, ast.expr):
                return value
    raise NotUnderstood(f"no {name} in vLLM's sources")


def keys(mapping: ast.expr) -> list[str]:
    """The keys of ``{...}`` or of ``SomeDict(key=..., **{"an-other": ...})``."""
    found: list[str] = []
    if isinstance(mapping, ast.Dict):
        found += [str(k.value) for k in mapping.keys if isinstance(k, ast.Constant)]
    elif isinstance(mapping, ast.Call):
        for word in mapping.keywords:
            found += [word.arg] if word.arg is not None else keys(word.value)
    else:
        raise NotUnderstood(f"a mapping of the form {ast.dump(mapping)[:60]}")
    return sorted(found)
