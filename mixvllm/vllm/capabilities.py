"""What each release of vLLM can do on which card, as `mixvllm.vllm.pack_capabilities` wrote it
down.

Three answers: True and False are certain, None depends on more than is known here: another
setting, a package beside vLLM. A card is its compute capability, ``(8, 9)``; of one that is not in
the table nothing is known.
"""

import json
import zlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias, TypedDict

from mixvllm.vllm.spans import Held
from mixvllm.vllm.table import numbers

FILE: Final = Path(__file__).with_name("capabilities.json.gz")
_GZIP: Final = 16 + zlib.MAX_WBITS
DTYPES: Final = ("float16", "bfloat16", "float32")
_ANSWERS: Final = {"+": True, "-": False}

Capability: TypeAlias = tuple[int, int]


class _Method(TypedDict):
    least: int | None
    dtypes: dict[str, str]
    deprecated: bool


class _Scheme(TypedDict):
    least: int


class _Backend(TypedDict):
    cards: str
    kv: dict[str, str]
    layers: dict[str, str]
    heads: dict[str, str]
    blocks: dict[str, str]
    dtypes: dict[str, str]
    is_mla: str
    is_sparse: str


class _Packed(TypedDict):
    releases: list[str]
    cards: list[str]
    heads: list[int]
    blocks: list[int]
    methods: dict[str, list[tuple[int, int, _Method]]]
    schemes: dict[str, list[tuple[int, int, _Scheme]]]
    backends: dict[str, list[tuple[int, int, _Backend | None]]]
    priorities: dict[str, list[tuple[int, int, list[str] | None]]]
    dtypes: dict[str, list[tuple[int, int, str]]]


class Method:
    """A method of quantisation of one release."""

    def __init__(self, spec: _Method, cards: Sequence[str]) -> None:
        self.least: Final = spec["least"]  # the least capability, 75 for 7.5; None: not known
        self.deprecated: Final = spec["deprecated"]
        self._dtypes: Final = spec["dtypes"]
        self._cards: Final = cards

    def works_in(self, dtype: str, card: Capability | None) -> bool | None:
        """Whether its layers compute in a data type, on a card or (None) on any."""
        signs = self._dtypes.get(dtype, "?")
        if len(signs) > 1:
            shown = "" if card is None else f"{card[0]}.{card[1]}"
            if shown not in self._cards:
                return None
            signs = signs[self._cards.index(shown)]
        return _ANSWERS.get(signs)


class Backend:
    """An attention backend of one release, on one card."""

    def __init__(self, name: str, spec: _Backend | None, place: int, packed: _Packed) -> None:
        self.name: Final = name
        self._spec: Final = spec
        self._place: Final = place
        self._packed: Final = packed

    def takes_card(self) -> bool | None:
        """Whether it works on the card at all."""
        return None if self._spec is None else self._answer(self._spec["cards"])

    def takes_kv(self, dtype: str) -> bool | None:
        """Whether it is chosen for a KV cache of a type."""
        return None if self._spec is None else self._answer(self._spec["kv"].get(dtype, "?"))

    def makes_layers(self, dtype: str) -> bool | None:
        """False: chosen or not, its layers refuse a KV cache of a type."""
        return None if self._spec is None else self._answer(self._spec["layers"].get(dtype, "?"))

    def takes_heads(self, size: int) -> bool | None:
        """Whether it takes heads of a size."""
        if self._spec is None or size not in self._packed["heads"]:
            return None
        return self._answer(self._spec["heads"].get(str(size), "+"))

    def takes_blocks(self, size: int) -> bool | None:
        """Whether it takes a KV cache in blocks of so many tokens."""
        if self._spec is None or size not in self._packed["blocks"]:
            return None
        return self._answer(self._spec["blocks"].get(str(size), "+"))

    def takes_dtype(self, dtype: str) -> bool | None:
        """Whether it computes in a data type."""
        return None if self._spec is None else self._answer(self._spec["dtypes"].get(dtype, "+"))

    @property
    def is_mla(self) -> bool | None:
        """Whether it is for models with latent attention (MLA), and only for them."""
        return None if self._spec is None else self._answer(self._spec["is_mla"])

    @property
    def is_sparse(self) -> bool | None:
        """Whether it is for models that choose among the tokens, and only for them."""
        return None if self._spec is None else self._answer(self._spec["is_sparse"])

    def _answer(self, signs: str) -> bool | None:
        return _ANSWERS.get(signs if len(signs) == 1 else signs[self._place])


class Capabilities:
    """What one release can do."""

    def __init__(self, packed: _Packed, index: int) -> None:
        self.release: Final = packed["releases"][index]
        self._packed: Final = packed
        self._index: Final = index

    def method(self, name: str) -> Method | None:
        """A method of quantisation; None when the release has none of that name."""
        found = Held(self._packed["methods"], self._index).get(name)
        return None if found is None else Method(found, self._packed["cards"])

    @property
    def methods(self) -> Iterable[str]:
        """The names of all methods of quantisation."""
        return Held(self._packed["methods"], self._index)

    def least_of_scheme(self, name: str) -> int | None:
        """The least capability of a scheme of compressed-tensors, by the name of its class."""
        found = Held(self._packed["schemes"], self._index).get(name)
        return None if found is None else found["least"]

    def computes_in(self, dtype: str, card: Capability) -> bool | None:
        """Whether a model may compute in a data type on a card."""
        signs = Held(self._packed["dtypes"], self._index).get(dtype)
        place = self._place(card)
        if signs is None or place is None:
            return None
        return _ANSWERS.get(signs if len(signs) == 1 else signs[place])

    def knows(self, card: Capability) -> bool:
        """Whether anything is known of a card."""
        return self._place(card) is not None

    def backend(self, name: str, card: Capability) -> Backend | None:
        """An attention backend for NVIDIA cards; None when the release has none of that name."""
        held = Held(self._packed["backends"], self._index)
        place = self._place(card)
        if place is None or name not in held:
            return None
        return Backend(name, held.get(name), place, self._packed)

    @property
    def backends(self) -> Iterable[str]:
        """The names of all attention backends for NVIDIA cards."""
        return Held(self._packed["backends"], self._index)

    def tried(self, card: Capability, *, mla: bool) -> Sequence[Backend] | None:
        """The backends that vLLM tries for a model, in its order; None when that is not known."""
        kind = "mla" if mla else "other"
        names = Held(self._packed["priorities"], self._index).get(f"{kind} {card[0]}.{card[1]}")
        found = [self.backend(name, card) for name in names or ()]
        return [backend for backend in found if backend is not None] or None

    def _place(self, card: Capability) -> int | None:
        shown = f"{card[0]}.{card[1]}"
        return self._packed["cards"].index(shown) if shown in self._packed["cards"] else None


@cache
def capabilities(release: str) -> Capabilities | None:
    """What a release can do; of its minor release, the nearest patch that is known. None when
    there is none.
    """
    packed = _load()
    wanted = numbers(release)[:2]
    same = [i for i, known in enumerate(packed["releases"]) if numbers(known)[:2] == wanted]
    return Capabilities(packed, same[-1]) if same else None


def cards() -> list[Capability]:
    """Every compute capability that is in the table."""
    return [(int(text.split(".")[0]), int(text.split(".")[1])) for text in _load()["cards"]]


@cache
def _load() -> _Packed:
    packed: _Packed = json.loads(zlib.decompress(FILE.read_bytes(), _GZIP))
    return packed
