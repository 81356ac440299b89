"""What a layer keeps of the tokens it has seen. Heads and sizes are of the whole model."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Heads:
    """Keys and values of a number of heads (MHA, GQA, MQA)."""

    count: int
    key: int  # elements of a head's key
    value: int
    window: int | None = None  # tokens a sliding layer looks back on, itself included
    chunk: int | None = None  # tokens of a chunk that a local layer stays within
    sixteen_bit: bool = False  # kept in the model's own type whatever the cache's is


@dataclass(frozen=True, slots=True)
class Latent:
    """One compressed vector in place of keys and values (MLA): the same on every rank."""

    rank: int  # elements of the latent
    rope: int  # elements of the part that is rotated
    sparse: bool = False  # read through an index, with packed forms of its own


@dataclass(frozen=True, slots=True)
class Index:
    """The keys by which sparse attention finds its tokens: fp8 with a scale, on every rank."""

    size: int  # elements of a key


@dataclass(frozen=True, slots=True)
class State:
    """What a recurrent layer keeps of a request whatever its length (Mamba, GDN, short conv)."""

    bytes: int  # on one rank
    checkpoint: bool = False  # a further one may be written at a boundary in a prefill


@dataclass(frozen=True, slots=True)
class Cross:
    """Keys and values of an encoder's output."""

    count: int
    size: int  # elements of a head


@dataclass(frozen=True, slots=True)
class Packed:
    """A cache whose blocks have a size of their own, whatever the cache's type and block are."""

    block: int  # tokens of a block
    page: int  # bytes of a block
    window: int | None = None  # tokens that are looked back on; None: all


Layer: TypeAlias = Heads | Latent | Index | State | Cross | Packed


@dataclass(frozen=True, slots=True)
class Shape:
    """What each layer of a language model caches, first to last."""

    layers: tuple[tuple[Layer, ...], ...]  # (): the layer shares another's cache, or has none
    drafts: tuple[tuple[Layer, ...], ...] = ()  # of speculative decoding, on the last stage

    @property
    def everything(self) -> tuple[Layer, ...]:
        """All caches in one row."""
        return tuple(part for layer in (*self.layers, *self.drafts) for part in layer)

    @property
    def recurrent(self) -> bool:
        """Whether layers keep a state."""
        return any(isinstance(part, State) for part in self.everything)

    @property
    def attends(self) -> bool:
        """Whether layers keep something of every token."""
        return any(not isinstance(part, State) for part in self.everything)
