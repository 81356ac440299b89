"""What the parts of a supervisor share: one clock, one board, one state, one queue of inputs."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from mixvllm.core.board import Board, Run, fold
from mixvllm.core.events import Event
from mixvllm.engine.inputs import Input
from mixvllm.engine.states import Idle, State


class Desk:
    """Only the supervisor sets ``state``. ``tell`` gets every event with the board after it."""

    def __init__(
        self, run: Run, *, tell: Callable[[Event, Board], None], clock: Callable[[], float]
    ) -> None:
        self.board = Board(run)
        self.inputs: asyncio.Queue[Input | BaseException] = asyncio.Queue()
        self._state: State = Idle()
        self._changed = asyncio.Event()
        self._tell = tell
        self._clock = clock
        self._began = clock()

    @property
    def state(self) -> State:
        """Where the engine's life stands."""
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        if state is not self._state:
            self._state = state
            self._changed.set()

    def now(self) -> float:
        """Seconds of the run."""
        return self._clock() - self._began

    def emit(self, event: Event) -> None:
        """Something has happened."""
        self.board = fold(self.board, event)
        self._tell(event, self.board)

    def put(self, event: Input) -> None:
        """Something for the machine."""
        self.inputs.put_nowait(event)

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until the state is another one."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        self._changed.clear()
