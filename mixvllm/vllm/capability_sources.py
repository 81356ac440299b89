"""What each release of vLLM can do on which card, read in its sources: nothing of it is run.

Read in vLLM 0.12.0 to 0.33.0 for every compute capability that NVIDIA has sold cards of, one
sign for each, in the order of `CARDS`, or one for all: ``+`` vLLM takes it, ``-`` vLLM refuses it,
``?`` that depends on more than is known here. Sections:

- ``methods``: the methods of quantisation (``model_executor/layers/quantization``, the classes'
  `get_min_capability` and `get_supported_act_dtypes`), and which are deprecated.
- ``schemes``: the same for the schemes inside compressed-tensors checkpoints.
- ``backends``: the attention backends for NVIDIA cards (``v1/attention/backends/registry.py``):
  what `validate_configuration` asks each of them, and what its layers' constructor refuses.
- ``priorities``: the order in which they are tried (``platforms/cuda.py``).
- ``dtypes``: what ``platforms/cuda.py``, `check_if_supports_dtype` lets a model compute in.
"""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

from mixvllm.vllm.capabilities import DTYPES
from mixvllm.vllm.follow.follower import Follower
from mixvllm.vllm.follow.values import (
    INSTANCE,
    PLATFORM,
    RAISED,
    UNKNOWN,
    Card,
    Class,
    Function,
    Symbol,
    truth,
)
from mixvllm.vllm.sources import NotUnderstood, tree

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"
Facts: TypeAlias = dict[str, dict[str, Json]]
"""Of one release: section, then name, then what is known of it."""

CARDS: Final = (
    Card(5, 0), Card(5, 2), Card(5, 3), Card(6, 0), Card(6, 1), Card(6, 2), Card(7, 0), Card(7, 2),
    Card(7, 5), Card(8, 0), Card(8, 6), Card(8, 7), Card(8, 9), Card(9, 0), Card(10, 0),
    Card(10, 1), Card(10, 3), Card(11, 0), Card(12, 0), Card(12, 1),
)  # fmt: skip
HEADS: Final = (
    8, 16, 20, 24, 32, 40, 48, 56, 60, 64, 72, 80, 88, 90, 96, 100, 104, 112, 120, 128, 136, 144,
    160, 176, 192, 224, 240, 256, 288, 320, 384, 448, 512, 576, 640, 1024,
)  # fmt: skip
BLOCKS: Final = (
    1, 2, 4, 8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 192, 256, 320, 384, 512, 1024, 2048,
)  # fmt: skip
_QUANTIZATION: Final = "vllm.model_executor.layers.quantization"
_CUDA: Final = "vllm.platforms.cuda"
_REGISTRIES: Final = ("vllm.v1.attention.backends.registry", "vllm.attention.backends.registry")
# Of other hardware, of a plugin, for pictures alone, and one whose file no release has.
_OTHERS: Final = (
    "ROCM", "XPU", "CPU", "AMX", "PALLAS", "IPEX", "CUSTOM", "TORCH_SDPA", "NO_ATTENTION",
)  # fmt: skip
# What is kept of a backend under a name, the method that is asked, and with what.
_LISTS: Final[tuple[tuple[str, str, tuple[object, ...]], ...]] = (
    ("heads", "supports_head_size", HEADS),
    ("blocks", "supports_block_size", BLOCKS),
    ("dtypes", "supports_dtype", tuple(Symbol(f"torch.{name}") for name in DTYPES)),
)
_YES_OR_NO: Final = ("is_mla", "is_sparse")


def capabilities_of(package: Path) -> Facts:
    """What one release's sources say. Raises NotUnderstood."""
    followers = [Follower(package, card) for card in CARDS]
    paths = _backends(package)
    return {
        "methods": dict(_methods(package, followers)),
        "schemes": dict(_schemes(package, followers[-1])),
        "backends": {
            name: _backend(followers, path, _kv_dtypes(package)) for name, path in paths.items()
        },
        "priorities": {
            f"{kind} {card.major}.{card.minor}": _priorities(follower, paths, mla=kind == "mla")
            for kind in ("mla", "other")
            for card, follower in zip(CARDS, followers, strict=True)
        },
        "dtypes": {dtype: _signs(followers, _computes_in, dtype) for dtype in DTYPES},
    }


def _methods(package: Path, followers: list[Follower]) -> Iterator[tuple[str, Json]]:
    names = followers[0].found(f"{_QUANTIZATION}.QUANTIZATION_METHODS")
    gone = followers[0].found(f"{_QUANTIZATION}.DEPRECATED_QUANTIZATION_METHODS")
    if not isinstance(names, list):
        raise NotUnderstood(f"no list of methods of quantisation in {package}")
    for name in names:
        held = [
            f.ask(_QUANTIZATION, "get_quantization_config", quantization=name) for f in followers
        ]
        asked = list(zip(followers, held, strict=True))
        least = {f.ask_of(c, "get_min_capability") for f, c in asked}
        dtypes = [f.ask_of(c, "get_supported_act_dtypes") for f, c in asked]
        spec: Json = {
            "least": _number(least),
            "dtypes": {
                dtype: _same("".join(_sign(_has(listed, dtype)) for listed in dtypes))
                for dtype in DTYPES
            },
            "deprecated": isinstance(gone, list) and name in gone,
        }
        yield str(name), spec


def _has(listed: object, dtype: str) -> bool | None:
    return Symbol(f"torch.{dtype}") in listed if isinstance(listed, list) else None


def _schemes(package: Path, follower: Follower) -> Iterator[tuple[str, Json]]:
    folder = package.joinpath("model_executor", "layers", "quantization", "compressed_tensors")
    for path in sorted((folder / "schemes").glob("compressed_tensors_w*.py")):
        place = ".".join(("vllm", *path.relative_to(package).with_suffix("").parts))
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef):
                held = follower.found(f"{place}.{node.name}")
                least = follower.ask_of(held, "get_min_capability")
                if isinstance(least, int):
                    yield node.name, {"least": least}


def _backends(package: Path) -> dict[str, str]:
    """The backends for NVIDIA cards, each with the path of its class."""
    for place in _REGISTRIES:
        path = package.joinpath(*place.split(".")[1:]).with_suffix(".py")
        members = _members(path) if path.is_file() else {}
        if members:
            return members
    raise NotUnderstood(f"no AttentionBackendEnum in {package}")


def _members(path: Path) -> dict[str, str]:
    enumeration = next(
        (n for n in tree(path).body
         if isinstance(n, ast.ClassDef) and n.name == "AttentionBackendEnum"), None,
    )  # fmt: skip
    found: dict[str, str] = {}
    for node in enumeration.body if enumeration is not None else ():
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(held))):
                if held and not name.startswith(_OTHERS):
                    found[name] = held
    return found


def _kv_dtypes(package: Path) -> list[str]:
    follower = Follower(package, CARDS[0])
    found = follower.found("vllm.config.cache.CacheDType")
    if not isinstance(found, list):
        raise NotUnderstood(f"no CacheDType in {package}")
    return [str(name) for name in found]


def _backend(followers: list[Follower], path: str, kv_dtypes: list[str]) -> Json:
    """What one backend takes, on each card; None for a class that is made while vLLM runs."""
    if not isinstance(followers[0].found(path), Class):
        return None
    made = {dtype: _signs(followers, _is_made, path, dtype) for dtype in kv_dtypes}
    spec: dict[str, Json] = {
        "cards": _signs(followers, _takes_card, path),
        "kv": {dtype: _signs(followers, _takes_kv, path, dtype) for dtype in kv_dtypes},
        "layers": {dtype: signs for dtype, signs in made.items() if "-" in signs},
    }
    for section, method, values in _LISTS:
        found = {_shown(value): _signs(followers, _takes, path, method, value) for value in values}
        spec[section] = {name: signs for name, signs in found.items() if signs != "+"}
    for method in _YES_OR_NO:
        spec[method] = _signs(followers, _takes, path, method)
    return spec


def _takes(follower: Follower, path: str, method: str, *value: object) -> bool | None:
    return truth(follower.ask_of(follower.found(path), method, *value))


def _takes_card(follower: Follower, path: str) -> bool | None:
    return _takes(follower, path, "supports_compute_capability", follower.card)


def _shown(value: object) -> str:
    return value.name.removeprefix("torch.") if isinstance(value, Symbol) else str(value)


def _takes_kv(follower: Follower, path: str, dtype: str) -> bool | None:
    """Whether a backend reads a KV cache of a type, for a decoder without sinks."""
    backend = follower.found(path)
    takes = _takes(follower, path, "supports_kv_cache_dtype", dtype)
    known: Mapping[str, object] = {
        "head_size": UNKNOWN, "dtype": UNKNOWN, "kv_cache_dtype": dtype, "block_size": None,
        "use_mla": follower.ask_of(backend, "is_mla"), "has_sink": False,
        "use_sparse": follower.ask_of(backend, "is_sparse"), "use_mm_prefix": False,
        "device_capability": follower.card,
    }  # fmt: skip
    reason = truth(follower.ask_of(backend, "supports_combination", **known))
    if takes is False or reason is True:
        return False
    return None if takes is None or reason is None else True


def _is_made(follower: Follower, path: str, dtype: str) -> bool | None:
    """Whether a backend's layers can be made with a KV cache of a type: False when their
    constructor surely raises an error.
    """
    layers = follower.ask_of(follower.found(path), "get_impl_cls")
    maker = follower.attribute(layers, "__init__") if isinstance(layers, Class) else None
    if not isinstance(maker, Function):
        return None
    made = follower.ask_of(replace(maker, bound=INSTANCE), None, kv_cache_dtype=dtype)
    return False if made is RAISED else None


def _priorities(follower: Follower, paths: Mapping[str, str], *, mla: bool) -> Json:
    """The backends that are tried for a model, the first choice first; None: that depends."""
    names = {path: name for name, path in paths.items()}
    tried: list[str] = []
    for mixed in (False, True):  # a picture's tokens see each other, or not: some more then
        found = follower.ask(
            _CUDA, "_get_backend_priorities", use_mla=mla, device_capability=follower.card,
            num_heads=None, kv_cache_dtype="auto", use_non_causal=False, head_size=0,
            use_mm_prefix=mixed,
        )  # fmt: skip
        if not isinstance(found, list):
            return None
        tried += [names[path] for path in found if path in names and names[path] not in tried]
    return list(tried)


def _computes_in(follower: Follower, dtype: str) -> bool | None:
    check = follower.attribute(PLATFORM, "check_if_supports_dtype")
    answer = follower.ask_of(check, None, dtype=Symbol(f"torch.{dtype}"))
    return False if answer is RAISED else True if answer is None else None


def _number(found: set[object]) -> int | None:
    """The one number that was found, if it is one."""
    first, *others = found
    return first if isinstance(first, int) and not others else None


def _signs(followers: Iterable[Follower], ask: Callable[..., bool | None], *given: object) -> str:
    return _same("".join(_sign(ask(follower, *given)) for follower in followers))


def _sign(answer: bool | None) -> str:
    return {True: "+", False: "-", None: "?"}[answer]


def _same(signs: str) -> str:
    """One sign for all cards, where it is the same for all."""
    return signs[0] if len(set(signs)) == 1 else signs
