"""How long the driver is waited for."""

from typing import Final, NamedTuple


class Patience(NamedTuple):
    """Limits in seconds.

    Without persistence mode the driver wakes every card that is attached to, which takes one
    to a few seconds a card; from then on an answer takes milliseconds. So as long as no card
    has woken, all may be asleep; once one has, another that takes much longer hangs.
    """

    open: float = 10.0
    attach: float = 10.0  # while no card is awake
    silence: float = 0.3  # of a card that is awake; or since another woke, if that was quick
    read: float = 0.5  # all answers of a card, once another card is complete
    read_all: float = 3.0  # all answers of a card, when all are slow
    turn: float = 0.2  # silence of a card that is asked alone, since others may be held up by it
    again: float = 0.4  # all cards that are asked alone
    whole: float | None = None  # a look; what is not known by then comes with the next one


PATIENCE: Final = Patience()
WAKING: Final = 0.7  # seconds without a card: worth a word to who is waiting
