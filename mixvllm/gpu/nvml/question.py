"""What a card is asked in one go."""

from collections.abc import Callable
from typing import NamedTuple

from mixvllm.gpu.nvml.door import (
    FAULTS,
    NO_FIGURE,
    NOT_AVAILABLE,
    NOT_SUPPORTED,
    Handle,
    Why,
    alike,
    is_lost,
    reason_of,
)


class Question(NamedTuple):
    """``read`` fills ``fields`` (names of our JSON): with figures, or with a Why."""

    fields: tuple[str, ...]
    read: Callable[[Handle], dict[str, object]]

    def ask(self, handle: Handle) -> dict[str, object]:
        """The answer; where there is none, the reason. Raises what says that the card is lost."""
        try:
            answer = self.read(handle)
        except FAULTS as error:
            if is_lost(error):
                raise
            return alike(self.fields, reason_of(error))
        return {
            name: Why(NOT_AVAILABLE) if isinstance(value, int) and value in NO_FIGURE else value
            for name, value in answer.items()
        }


def asks_in_vain(answer: dict[str, object]) -> bool:
    """Whether the card can never tell any of it, so that asking every second is a waste."""
    return all(isinstance(value, Why) and value == NOT_SUPPORTED for value in answer.values())


def one(field: str, call: Callable[[Handle], object]) -> Question:
    """A question that one call answers with one figure."""
    return Question((field,), lambda handle: {field: call(handle)})
