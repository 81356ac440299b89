"""Which models each vLLM release can serve, as `mixvllm.vllm.pack_models` wrote it down."""

import json
import zlib
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias, TypedDict

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

_Span: TypeAlias = tuple[int, int, str]


class _Transformers(TypedDict):
    types: list[str]
    classes: list[str]


class _Packed(TypedDict):
    releases: list[str]
    architectures: dict[str, list[_Span]]
    types: dict[str, list[_Span]]
    no_float16: dict[str, list[_Span]]
    transformers: _Transformers


class ServedModels:
    """What one release can serve."""

    def __init__(self, packed: _Packed, index: int) -> None:
        self.release: Final = packed["releases"][index]
        self._packed: Final = packed
        self._index: Final = index

    def abilities(self, architecture: str) -> str | None:
        """Letters: g generates text, p pools, s can be split into pipeline stages, t does
        nothing but transcribe. None when the release has no class for the architecture.
        """
        return self._at(self._packed["architectures"].get(architecture, ()))

    def has(self, architecture: str) -> bool:
        """Whether vLLM has a class for it, or makes one of a related one by a change of task."""
        names = (architecture, *_related(architecture))
        return any(self.abilities(name) is not None for name in names)

    def may_wrap(self, architecture: str) -> bool:
        """Whether some release of transformers has a class for it, which vLLM may wrap."""
        return architecture in self._packed["transformers"]["classes"]

    def knows_type(self, model_type: str) -> bool:
        """Whether vLLM or transformers has a configuration class of its own for a model type."""
        return (
            self._at(self._packed["types"].get(model_type, ())) is not None
            or model_type in self._packed["transformers"]["types"]
        )

    def refuses_float16(self, model_type: str) -> bool:
        """Whether float16 is refused for a model type, because its numbers do not fit."""
        return self._at(self._packed["no_float16"].get(model_type, ())) is not None

    def added_in(self, architecture: str) -> str | None:
        """The first later release that has an architecture this one lacks."""
        spans = self._packed["architectures"].get(architecture, ())
        later = [first for first, _, _ in spans if first > self._index]
        return self._packed["releases"][min(later)] if later else None

    def removed_in(self, architecture: str) -> str | None:
        """The release that took an architecture away which an earlier one had."""
        spans = self._packed["architectures"].get(architecture, ())
        ended = [last for _, last, _ in spans if last < self._index]
        return self._packed["releases"][max(ended) + 1] if ended else None

    def nearest(self, architecture: str) -> str | None:
        """The architecture of this release that is spelled most like it, if one is near."""
        known = (n for n, s in self._packed["architectures"].items() if self._at(s) is not None)
        return next(iter(get_close_matches(architecture, known, 1, 0.85)), None)

    def _at(self, spans: Sequence[_Span]) -> str | None:
        held = (letters for first, last, letters in spans if first <= self._index <= last)
        return next(held, None)


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
    wanted = numbers(release)
    same = [
        index for index, known in enumerate(packed["releases"]) if numbers(known)[:2] == wanted[:2]
    ]
    return ServedModels(packed, same[-1]) if same else None


@cache
def _load() -> _Packed:
    packed: _Packed = json.loads(zlib.decompress(FILE.read_bytes(), _GZIP))
    return packed
