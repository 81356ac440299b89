"""Which models each vLLM release can serve, and which names it knows besides those that its
parser checks, as `mixvllm.vllm.pack_models` wrote it down.
"""

import json
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, Literal, TypeAlias, TypedDict

from mixvllm.vllm.spans import Names, Span
from mixvllm.vllm.table import numbers

FILE: Final = Path(__file__).with_name("models.json.gz")
_GZIP: Final = 16 + zlib.MAX_WBITS
# vLLM turns a model of one task into one of another: the ending of its name is exchanged (0.32.0,
# `config/model.py`, _SUFFIX_TO_DEFAULTS, and `registry.py`, _normalize_arch).
_ENDINGS: Final = (
    "ForCausalLM", "ForConditionalGeneration", "ChatModel", "LMHeadModel", "ForTextEncoding",
    "EmbeddingModel", "ForSequenceClassification", "ForTokenClassification",
    "ForAudioClassification", "ForImageClassification", "ForVideoClassification",
    "ClassificationModel", "ForRewardModeling", "RewardModel", "Model",
)  # fmt: skip

Named: TypeAlias = Literal[
    "tool-call-parser", "reasoning-parser", "quantization", "load-format", "attention-backend",
    "tokenizer-mode",
]  # fmt: skip
"""An option whose text vLLM looks up in a list of its own."""

_Spans: TypeAlias = dict[str, list[Span]]
_OfOptions = TypedDict(
    "_OfOptions",
    {
        "tool-call-parser": _Spans,
        "reasoning-parser": _Spans,
        "quantization": _Spans,
        "load-format": _Spans,
        "attention-backend": _Spans,
        "tokenizer-mode": _Spans,
    },
)


class _Transformers(TypedDict):
    types: list[str]
    classes: list[str]


class _Packed(_OfOptions):
    releases: list[str]
    architectures: _Spans
    types: _Spans
    no_float16: _Spans
    transformers: _Transformers


class ServedModels:
    """What one release can serve."""

    def __init__(self, packed: _Packed, index: int) -> None:
        self.release: Final = packed["releases"][index]
        self._transformers: Final = packed["transformers"]
        self._architectures: Final = Names(packed["architectures"], packed["releases"], index)
        self._types: Final = Names(packed["types"], packed["releases"], index)
        self._no_float16: Final = Names(packed["no_float16"], packed["releases"], index)

    def abilities(self, architecture: str) -> str | None:
        """Letters: g generates text, p pools, s can be split into pipeline stages, t does
        nothing but transcribe. None when the release has no class for the architecture.
        """
        return self._architectures.get(architecture)

    def has(self, architecture: str) -> bool:
        """Whether vLLM has a class for it, or makes one of a related one by a change of task."""
        names = (architecture, *_related(architecture))
        return any(self.abilities(name) is not None for name in names)

    def may_wrap(self, architecture: str) -> bool:
        """Whether some release of transformers has a class for it, which vLLM may wrap."""
        return architecture in self._transformers["classes"]

    def knows_type(self, model_type: str) -> bool:
        """Whether vLLM or transformers has a configuration class of its own for a model type."""
        return self._types.get(model_type) is not None or model_type in self._transformers["types"]

    def refuses_float16(self, model_type: str) -> bool:
        """Whether float16 is refused for a model type, because its numbers do not fit."""
        return self._no_float16.get(model_type) is not None

    def added_in(self, architecture: str) -> str | None:
        """The first later release that has an architecture this one lacks."""
        return self._architectures.added_in(architecture)

    def removed_in(self, architecture: str) -> str | None:
        """The release that took an architecture away which an earlier one had."""
        return self._architectures.removed_in(architecture)

    def nearest(self, architecture: str) -> str | None:
        """The architecture of this release that is spelled most like it, if one is near."""
        from difflib import get_close_matches  # most models have nothing to look for

        return next(iter(get_close_matches(architecture, self._architectures, 1, 0.85)), None)


def _related(architecture: str) -> Iterator[str]:
    for ending in _ENDINGS:
        if architecture.endswith(ending):
            yield from (architecture.removesuffix(ending) + other for other in _ENDINGS)


@cache
def served_models(release: str) -> ServedModels | None:
    """What a release can serve; of its minor release, the nearest patch that is known. None when
    there is none.
    """
    packed = _load()
    index = _index(packed, release)
    return None if index is None else ServedModels(packed, index)


def known_names(option: Named, release: str) -> Names | None:
    """The names that a release knows for an option. None when that is not written down."""
    packed = _load()
    index = _index(packed, release)
    if index is None:
        return None
    names = Names(packed[option], packed["releases"], index)
    return names if any(True for _ in names) else None


def _index(packed: _Packed, release: str) -> int | None:
    wanted = numbers(release)[:2]
    same = [i for i, known in enumerate(packed["releases"]) if numbers(known)[:2] == wanted]
    return same[-1] if same else None


@cache
def _load() -> _Packed:
    packed: _Packed = json.loads(zlib.decompress(FILE.read_bytes(), _GZIP))
    return packed
