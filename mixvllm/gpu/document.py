"""A JSON document that was read from outside, walked with its path at hand.

Every refusal names the place, e.g. ``gpus[1].memory.total_bytes: not a whole number: 'x'``.
Keys that are not asked for are ignored, so that a newer file can be read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from reprlib import repr as short
from typing import Final, NoReturn

_LARGEST: Final = 2**64  # no figure of a card is larger, and none may overflow a float


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the document and where it stands. Every reader raises ValueError."""

    value: object
    path: str = ""

    def refuse(self, what: str) -> NoReturn:
        """Stop with a sentence that begins with the place, unless that is the whole document."""
        raise ValueError(f"{self.path}: {what}" if self.path else what)

    def at(self, key: str) -> "Node":
        """A member of an object; one that is missing reads as null, and so does one of null."""
        if self.value is None:
            return Node(None, self._below(key))
        if not isinstance(self.value, dict):
            self.refuse(f"not an object: {short(self.value)}")
        return Node(self.value.get(key), self._below(key))

    def _below(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def required(self) -> "Node":
        """Itself, unless it is null or missing."""
        if self.value is None:
            self.refuse("missing")
        return self

    def items(self) -> Iterator["Node"]:
        """The elements of an array."""
        if not isinstance(self.value, list):
            self.refuse(f"not a list: {short(self.value)}")
        for index, value in enumerate(self.value):
            yield Node(value, f"{self.path}[{index}]")

    def members(self) -> Iterator[tuple[str, "Node"]]:
        """The members of an object; none of null."""
        if self.value is not None:
            if not isinstance(self.value, dict):
                self.refuse(f"not an object: {short(self.value)}")
            for key, value in self.value.items():
                yield str(key), Node(value, self._below(str(key)))

    def text(self) -> str | None:
        """A string, or None for null."""
        if self.value is not None and not isinstance(self.value, str):
            self.refuse(f"not a text: {short(self.value)}")
        return self.value

    def whole(self, *, least: int | None = 0) -> int | None:
        """A whole number, 0 or more unless told otherwise, or None for null."""
        if self.value is None:
            return None
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            self.refuse(f"not a whole number: {short(self.value)}")
        if abs(self.value) > _LARGEST:
            self.refuse("a number of more than 64 bits")
        if least is not None and self.value < least:
            self.refuse(f"below {least}: {self.value}")
        return self.value

    def number(self) -> float | None:
        """A finite number, or None for null."""
        if self.value is None:
            return None
        if not isinstance(self.value, int | float) or isinstance(self.value, bool):
            self.refuse(f"not a number: {short(self.value)}")
        if not abs(self.value) <= _LARGEST:  # NaN is not, either
            self.refuse(f"not a finite number: {short(self.value)}")
        return float(self.value)

    def flag(self) -> bool | None:
        """True, False, or None for null."""
        if self.value is not None and not isinstance(self.value, bool):
            self.refuse(f"neither true nor false: {short(self.value)}")
        return self.value
