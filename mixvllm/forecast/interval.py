"""An amount that is known to lie between two others: never one false number."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Interval:
    """From ``low`` to ``high``, both included; bytes or tokens, as its owner says."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"from {self.low} to {self.high} is no interval")

    @classmethod
    def exactly(cls, amount: int) -> Self:
        """An amount that is known."""
        return cls(amount, amount)

    @property
    def is_exact(self) -> bool:
        """Whether both ends are one."""
        return self.low == self.high

    def plus(self, other: "Interval") -> "Interval":
        """The sum, as far as it is known."""
        return Interval(self.low + other.low, self.high + other.high)

    def minus(self, other: "Interval") -> "Interval":
        """The difference: the least of it is left when the most is taken away."""
        return Interval(self.low - other.high, self.high - other.low)

    def as_json(self) -> dict[str, int]:
        """``{"low": ..., "high": ...}``."""
        return {"low": self.low, "high": self.high}
