"""Which models a release of vLLM can serve, read in its sources: nothing of it is imported.

Read in vLLM 0.12.0 to 0.33.0: the architectures of ``model_executor/models/registry.py``; for
each whether its class generates text (g), pools (p), can be split into pipeline stages (s) or
does nothing but transcribe (t) (``interfaces.py``, ``interfaces_base.py``: a method, a class
attribute, a base class; whatever cannot be followed counts as able); the model
types that vLLM has a configuration of its own for (``transformers_utils/config.py``); and the
model types that it refuses float16 for (``config/model.py``).
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mixvllm.vllm.sources import Facts, NotUnderstood, assigned, keys, tree

_GENERATES, _POOLS, _STAGES, _TRANSCRIBES = "g", "p", "s", "t"
_ANYTHING: Final = _GENERATES + _POOLS + _STAGES  # of a class that cannot be followed
_NO_MODELS: Final = ("interfaces", "interfaces_base", "config", "registry")


@dataclass(slots=True)
class _Class:
    """A class as it is written."""

    module: str
    bases: tuple[str, ...]
    methods: frozenset[str]
    flags: frozenset[str]  # attributes that are set to True


def facts_of(package: Path) -> Facts:
    """What one release's sources say. Raises NotUnderstood."""
    registry = tree(package / "model_executor" / "models" / "registry.py")
    classes = _classes(package)
    config = tree(package / "transformers_utils" / "config.py")
    model = tree(package / "config" / "model.py")
    return {
        "architectures": {
            name: _letters(classes, *place) if place else _ANYTHING
            for name, place in sorted(_architectures(registry).items())
        },
        "types": dict.fromkeys(keys(assigned(config, "_CONFIG_REGISTRY")), ""),
        "no_float16": dict.fromkeys(keys(assigned(model, "_FLOAT16_NOT_SUPPORTED_MODELS")), ""),
    }


def _architectures(registry: ast.Module) -> dict[str, tuple[str, str] | None]:
    """Architecture -> module and class, of every table that ``_VLLM_MODELS`` joins; None for
    those that only draft tokens for another model.
    """
    joined = assigned(registry, "_VLLM_MODELS")
    if not isinstance(joined, ast.Dict):
        raise NotUnderstood("_VLLM_MODELS is no mapping")
    result: dict[str, tuple[str, str] | None] = {}
    for value in joined.values:
        if not isinstance(value, ast.Name):
            continue
        table = assigned(registry, value.id)
        pairs = zip(table.keys, table.values, strict=True) if isinstance(table, ast.Dict) else ()
        for key, entry in pairs:  # a `**{...}` has no key, and repeats entries of another table
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                drafts = "SPECULATIVE" in value.id
                result[key.value] = None if drafts else ast.literal_eval(entry)
    return result


def _classes(package: Path) -> dict[str, list[_Class]]:
    """Every class of a model file, by name."""
    found: dict[str, list[_Class]] = {}
    for folder in (package / "model_executor" / "models", package / "models"):
        for path in sorted(folder.rglob("*.py")) if folder.is_dir() else ():
            if path.stem in _NO_MODELS:
                continue
            module = ".".join(path.relative_to(package).with_suffix("").parts)
            for node in tree(path).body:
                match node:
                    case ast.ClassDef(name=name):
                        found.setdefault(name, []).append(_class(node, module))
                    case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as made):
                        base = _last_name(made)  # X = as_embedding_model(Y)
                        made_class = _Class(module, (base,), frozenset(), frozenset())
                        found.setdefault(name, []).append(made_class)
    return found


def _class(node: ast.ClassDef, module: str) -> _Class:
    return _Class(
        module,
        tuple(name for base in node.bases if (name := _last_name(base))),
        frozenset(item.name for item in node.body if isinstance(item, ast.FunctionDef)),
        frozenset(_true_attributes(node)),
    )


def _last_name(base: ast.expr) -> str:
    """``SupportsPP`` of ``SupportsPP``, ``interfaces.SupportsPP`` and ``SupportsPP[T]``; a class
    that is made by a call, ``as_embedding_model(Base)``, inherits what it is made of.
    """
    match base:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=inner):
            return _last_name(inner)
        case ast.Call(args=[inner, *_]):
            return _last_name(inner)
    return ""


def _true_attributes(node: ast.ClassDef) -> Iterator[str]:
    for item in node.body:
        if isinstance(item, ast.AnnAssign | ast.Assign):
            target = item.target if isinstance(item, ast.AnnAssign) else item.targets[0]
            if (
                isinstance(target, ast.Name)
                and isinstance(item.value, ast.Constant)
                and item.value.value is True
            ):
                yield target.id


def _letters(classes: Mapping[str, list[_Class]], module: str, written: str) -> str:
    """What a class can do. Raises NotUnderstood when there is none of that name."""
    place = module.removeprefix("vllm.")
    near = place if "." in place else f"model_executor.models.{place}"
    chain = list(_chain(classes, written, near))
    if not chain:
        raise NotUnderstood(f"no class {written} in {module}")
    methods = frozenset[str]().union(*(item.methods for item in chain))
    if "forward" not in methods:
        return _ANYTHING
    flags = frozenset[str]().union(*(item.flags for item in chain))
    names = {name for item in chain for name in item.bases}
    return (
        _GENERATES * ("compute_logits" in methods)
        + _POOLS * ("VllmModelForPooling" in names or "is_pooling_model" in flags)
        + _STAGES * ("SupportsPP" in names or "supports_pp" in flags)
        + _TRANSCRIBES * ("supports_transcription_only" in flags)
    )


def _chain(classes: Mapping[str, list[_Class]], name: str, near: str) -> Iterator[_Class]:
    """A class and all that it inherits from; of several with its name, the nearest module's."""
    seen: set[str] = set()
    waiting = [(name, near)]
    while waiting:
        wanted, module = waiting.pop(0)
        if wanted in seen or wanted not in classes:
            continue
        seen.add(wanted)
        found = max(classes[wanted], key=lambda item: _nearness(item.module, module))
        yield found
        waiting += [(base, found.module) for base in found.bases]


def _nearness(module: str, other: str) -> tuple[int, bool]:
    """How many parts two modules share from the left; of several, NVIDIA's variant counts."""
    shared = 0
    for one, another in zip(module.split("."), other.split("."), strict=False):
        if one != another:
            break
        shared += 1
    return shared, ".nvidia." in module


def release_of(package: Path) -> str:
    """``0.32.0``, of a package's own record of it. Raises NotUnderstood."""
    match = re.search(
        r"^__version__ = version = '(\d+\.\d+\.\d+)",
        (package / "_version.py").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    if match is None:
        raise NotUnderstood(f"{package}/_version.py names no release")
    return match[1]


def transformers_of(package: Path) -> dict[str, list[str]]:
    """The model types and the model classes that a transformers package knows."""
    auto = package / "models" / "auto"
    types: set[str] = set()
    for name in ("auto_mappings.py", "configuration_auto.py"):
        text = (auto / name).read_text(encoding="utf-8") if (auto / name).exists() else ""
        types |= set(re.findall(r'\("([\w-]+)", "\w+Config"\)', text))
        types |= set(re.findall(r'"([\w-]+)": "\w+Config"', text))
    modeling = (auto / "modeling_auto.py").read_text(encoding="utf-8")
    return {"types": sorted(types), "classes": sorted(set(re.findall(r'"([A-Z]\w+)"', modeling)))}
