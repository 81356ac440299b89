"""Asks the engine and looks at its machine, as often as the state deserves."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from mixvllm.core.phases import Phase
from mixvllm.engine.cards import CardWatch
from mixvllm.engine.desk import Desk
from mixvllm.engine.gauges import Gauges
from mixvllm.engine.hearing import Hearing
from mixvllm.engine.inputs import HealthFailed, HealthPassed, OnlyRootLeft
from mixvllm.engine.probe import Answer, Heard, Probe
from mixvllm.engine.sampling import MachineSampler, only_root_left
from mixvllm.engine.states import Degraded, Ready, Starting, State, Stopping

_ALMOST: Final = 0.1  # seconds between two questions when it may answer any moment
_UNSURE: Final = 0.5
_QUIET: Final = 1.0
_READY: Final = 2.0
_SAMPLE: Final = 2.0  # seconds between two looks at the machine
_ALONE: Final = 3.0  # seconds that an API server gets for its own end; it takes one or two
_SHARE: Final = 20  # looking for survivors may take a twentieth of our time


class Watch:
    """``hearing`` gives the present engine, if there is one."""

    def __init__(
        self, desk: Desk, probe: Probe, hearing: Callable[[], Hearing | None], cards: CardWatch
    ) -> None:
        self._desk = desk
        self._probe = probe
        self._hearing = hearing
        self._sampler = MachineSampler(cards)
        self._sampled = -_SAMPLE
        self._gauges = (0, Gauges())
        self._look_again = 0.0
        self._alone_since: float | None = None  # when the API server was seen without an engine

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._desk.pause(_interval(self._desk.state))
            state = self._desk.state
            if isinstance(state, Starting | Ready | Degraded) and state.pid is not None:
                self._report(state, await self._probe.health())
            if isinstance(state, Ready) and self._desk.state is state:
                await self._read_gauges(state)
            if isinstance(state, Stopping) and state.was_up and not state.swept:
                self._look_for_survivors(state)
            self._sample()

    def _report(self, state: Starting | Ready | Degraded, heard: Heard) -> None:
        if heard.answer is Answer.YES:
            if not isinstance(state, Ready):
                self._desk.put(HealthPassed(state.attempt))
        elif heard.answer is not Answer.SLOW and isinstance(state, Ready):
            self._desk.put(HealthFailed(state.attempt, heard.detail))

    async def _read_gauges(self, state: Ready) -> None:
        heard = await self._probe.metrics()
        if heard.answer is not Answer.YES:
            return
        if self._gauges[0] != state.attempt:
            self._gauges = (state.attempt, Gauges())
        with suppress(ValueError):  # not what vLLM exports: then there are no figures to show
            self._desk.emit(self._gauges[1].read(self._desk.now(), heard.body))

    def _sample(self) -> None:
        now, hearing = self._desk.now(), self._hearing()
        if now - self._sampled < _SAMPLE or hearing is None or self._desk.board.pid is None:
            return
        self._sampled = now
        self._desk.emit(self._sampler.sample(now, hearing.process.keeper_pid))

    def _look_for_survivors(self, state: Stopping) -> None:
        """An API server without its engine only waits for clients that never hang up."""
        hearing = self._hearing()
        now = self._desk.now()
        if hearing is None or hearing.pid is None or hearing.status is not None:
            return
        if now < self._look_again:
            return
        began = time.thread_time()
        if not only_root_left(hearing.process.keeper_pid, hearing.pid):
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = now
        elif now - self._alone_since >= _ALONE:
            self._desk.put(OnlyRootLeft(state.attempt))
        self._look_again = now + _SHARE * (time.thread_time() - began)


def _interval(state: State) -> float:
    """Seconds until the next look; a change of state ends the wait."""
    match state:
        case Starting(phase=Phase.SERVING):
            return _ALMOST
        case Degraded() | Stopping():
            return _UNSURE
        case Ready():
            return _READY
        case _:
            return _QUIET
