"""What the supervisor tells of a run, and what may come back from the keyboard."""

from enum import Enum
from typing import Protocol

from mixvllm.core.board import Board
from mixvllm.core.events import Event


class Sink(Protocol):
    """Shows a run. None of the three may block, whatever the reader of the output does."""

    def tell(self, event: Event, board: Board) -> None:
        """One more event, and the board after it."""
        ...

    def draw(self, board: Board, now: float) -> None:
        """A few times a second: show the board as of ``now`` (seconds of the run)."""
        ...

    def close(self, board: Board) -> None:
        """The run is over: say how it ended and give the terminal back."""
        ...


class Key(Enum):
    """A key with a meaning."""

    STOP = "q"
    LOG = "l"
    HELP = "?"
    BACK = "escape"
