"""How long the driver is waited for."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits in seconds.

    Without persistence mode the driver wakes every card when it is opened and attached to, which
    takes one to a few seconds a card; from then on an answer takes milliseconds.
    """

    open: float = 30.0
    attach: float = 10.0  # a card
    read: float = 1.0  # all answers of a card


PATIENCE: Final = Patience()
