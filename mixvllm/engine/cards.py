"""The cards, looked at by a thread that nobody waits for.

NVML may block for as long as the driver does, also at its first word: opening it wakes every
card that is not in persistence mode. A card that hangs leaves its name standing, without
figures, and nothing else; not even our own end waits for it.
"""

import threading
from dataclasses import replace
from queue import SimpleQueue

from mixvllm.core.errors import MachineFault
from mixvllm.core.events import CardSampled
from mixvllm.gpu.sample import CardSampler


class CardWatch:
    """Ask :meth:`look` again and again; it returns at once with what is known by then."""

    def __init__(self) -> None:
        self._questions: SimpleQueue[bool] = SimpleQueue()
        self._asked = 0
        self._answered = 0
        self._cards: tuple[CardSampled, ...] = ()
        self._thread: threading.Thread | None = None

    def look(self) -> tuple[CardSampled, ...]:
        """The cards at the last question, and a new question. Empty: there is no driver."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="cards", daemon=True)
            self._thread.start()
        if self._answered < self._asked:
            return tuple(_unknown(card) for card in self._cards)
        self._asked += 1
        self._questions.put(True)
        return self._cards

    def close(self) -> None:
        """No more questions; the driver is let go if it answers."""
        self._questions.put(False)

    def _run(self) -> None:
        try:
            sampler = CardSampler.open()
        except MachineFault:
            sampler = None  # no driver, no cards
        while self._questions.get():
            if sampler is not None:
                try:
                    self._cards = sampler.sample()
                except MachineFault:
                    self._cards = tuple(_unknown(card) for card in self._cards)
            self._answered += 1
        if sampler is not None:
            sampler.close()


def _unknown(card: CardSampled) -> CardSampled:
    """The card without figures: its driver does not answer."""
    return replace(
        card, memory_used_bytes=None, utilization_percent=None, temperature_celsius=None,
        power_watts=None,
    )  # fmt: skip
