"""How the cache of one layer is cut into blocks, and how many of them a request takes.

vLLM 0.32.0, `v1/kv_cache_interface.py`, and the same file of the releases from 0.12 on.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

Name: TypeAlias = tuple[int, int]  # a layer, and which of its caches


class Kind(Enum):
    """What decides on the number of blocks."""

    FULL = "every token"
    SLIDING = "the tokens of a window"
    CHUNKED = "the tokens of a chunk"
    CROSS = "the tokens of an encoder"
    STATE = "a number of states"


@dataclass(frozen=True, slots=True)
class Spec:
    """The cache of a layer on one rank."""

    kind: Kind
    block: int  # tokens
    unit: int  # bytes of a token, or of a whole state
    reach: int = 0  # tokens held at most (SLIDING, CHUNKED, CROSS), or states (STATE)
    window: int = 0  # tokens, to tell windows and chunks apart
    shards: int = 1  # ranks that share the tokens between them
    padded: int | None = None  # bytes of a block that is made as large as others'
    latent: bool = False  # latent attention cannot be padded
    packed: bool = False  # pages of several sizes lie side by side in a block
    every_block: bool = False  # a state is kept for every block of tokens, `reach` are further

    @property
    def page(self) -> int:
        """Bytes of a block."""
        if self.padded is not None:
            return self.padded
        return self.unit if self.kind is Kind.STATE else self.unit * self.block

    def blocks(self, length: int) -> int:
        """Blocks that a request of a length takes."""
        match self.kind:
            case Kind.FULL:
                return _up(_up(length, self.shards), self.block)
            case Kind.SLIDING:
                return _up(min(self.reach, length), self.block) + 1
            case Kind.CHUNKED:
                return _up(min(self.reach, length), self.block)
            case Kind.CROSS:
                return _up(self.reach, self.block)
            case Kind.STATE:
                return self.reach + (_up(length, self.block) if self.every_block else 0)


def _up(number: int, by: int) -> int:
    return -(-number // by)
