"""The names that vLLM looks up in lists of its own, read in its sources: nothing of it is imported.

Read in vLLM 0.12.0 to 0.33.0, a section for each option: the parsers that are registered by name
(``tool_parsers/__init__.py``, ``reasoning/__init__.py``), the methods of quantisation
(``model_executor/layers/quantization/__init__.py``), the loaders
(``model_executor/model_loader/__init__.py``), the attention backends
(``v1/attention/backends/registry.py``) and the modes of the tokenizer
(``tokenizers/registry.py``). Where a release has no such list, its section is empty.
"""

import ast
from pathlib import Path

from mixvllm.vllm.sources import Facts, NotUnderstood, assigned, keys, tree


def names_of(package: Path) -> Facts:
    """The names that one release knows. Raises NotUnderstood."""
    tools = _first(package, "tool_parsers", "entrypoints/openai/tool_parsers")
    loaders = tree(package / "model_executor" / "model_loader" / "__init__.py")
    methods = tree(package / "model_executor" / "layers" / "quantization" / "__init__.py")
    reasoning = tree(package / "reasoning" / "__init__.py")
    found = {
        "tool-call-parser": keys(assigned(tools, "_TOOL_PARSERS_TO_REGISTER")),
        "reasoning-parser": keys(assigned(reasoning, "_REASONING_PARSERS_TO_REGISTER")),
        "quantization": _literal(assigned(methods, "QuantizationMethods")),
        "load-format": keys(assigned(loaders, "_LOAD_FORMAT_TO_MODEL_LOADER")),
        "attention-backend": _backends(package),
        "tokenizer-mode": _tokenizers(tree(package / "tokenizers" / "registry.py")),
    }
    return {option: dict.fromkeys(names, "") for option, names in found.items()}


def _first(package: Path, *folders: str) -> ast.Module:
    """The first of these packages that there is: vLLM 0.13 moved its tool parsers."""
    for folder in folders:
        path = package / folder / "__init__.py"
        if path.exists():
            return tree(path)
    raise NotUnderstood(f"no {' and no '.join(folders)} in vLLM's sources")


def _literal(annotation: ast.expr) -> list[str]:
    """The words of ``Literal["a", "b"]``."""
    match annotation:
        case ast.Subscript(slice=ast.Tuple(elts=words)):
            return [str(word.value) for word in words if isinstance(word, ast.Constant)]
    raise NotUnderstood(f"a type of the form {ast.dump(annotation)[:60]}")


def _backends(package: Path) -> list[str]:
    """The members of vLLM's enumeration, and "auto" where the validator lets it pass (0.18.1 on);
    none where there is no option for them yet (0.12).
    """
    config = package / "config" / "attention.py"
    if not config.exists():
        return []
    registry = _registry(package)
    members = next(
        (n.body for n in registry.body
         if isinstance(n, ast.ClassDef) and n.name == "AttentionBackendEnum"), [],
    )  # fmt: skip
    names = [
        target.id
        for member in members
        if isinstance(member, ast.Assign)
        for target in member.targets
        if isinstance(target, ast.Name)
    ]
    if not names:
        raise NotUnderstood("no AttentionBackendEnum in vLLM's sources")
    return names + ["auto"] * _says(tree(config), "auto")


def _registry(package: Path) -> ast.Module:
    path = package / "v1" / "attention" / "backends" / "registry.py"
    return tree(path if path.exists() else package / "attention" / "backends" / "registry.py")


def _tokenizers(registry: ast.Module) -> list[str]:
    """The registered modes, and those that vLLM turns into one of them before it looks it up;
    none where each module registers its own (0.12).
    """
    try:
        names = keys(assigned(registry, "_VLLM_TOKENIZERS"))
    except NotUnderstood:
        return []
    return names + [mode for mode in ("auto", "slow") if _says(registry, mode)]


def _says(module: ast.Module, word: str) -> bool:
    """Whether a value is compared with a word anywhere in a module."""
    return any(
        isinstance(node, ast.Compare)
        and any(isinstance(c, ast.Constant) and c.value == word for c in node.comparators)
        for node in ast.walk(module)
    )
