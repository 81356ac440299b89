"""The thin shell around the machine: inputs come in on one queue, effects are carried out.

One task owns all state. Everything that takes time (the engine's messages, questions over
HTTP, timers) runs beside it and only puts inputs on the queue, with the attempt it is about.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Final

from mixvllm.core.board import Board, Run
from mixvllm.core.events import (
    EngineExited,
    EngineSpawned,
    Event,
    HealthSeen,
    Noted,
    PhaseEntered,
    StateChanged,
)
from mixvllm.core.phases import Phase
from mixvllm.engine.cards import CardWatch
from mixvllm.engine.desk import Desk
from mixvllm.engine.effects import (
    Announce,
    AskCanary,
    Effect,
    SignalRoot,
    Spawn,
    StartTimer,
    Sweep,
)
from mixvllm.engine.hearing import Hearing
from mixvllm.engine.inputs import (
    CanaryFailed,
    CanaryPassed,
    Elapsed,
    FamilyGone,
    Go,
    HealthFailed,
    HealthPassed,
    Input,
    Spawned,
    SpawnRefused,
    StopAsked,
    Timer,
)
from mixvllm.engine.machine import Policy, step
from mixvllm.engine.probe import Answer, Probe, Target
from mixvllm.engine.process import EngineProcess
from mixvllm.engine.spec import EngineSpec
from mixvllm.engine.states import Degraded, Leaving, Ready, Starting, Stopped, Stopping
from mixvllm.engine.watch import Watch

_CANARY_PAUSE: Final = 1.0  # seconds
_SAME_WISH: Final = 0.25  # seconds: `timeout` and others signal us and our group, as one wish


class Supervisor:
    """Runs one engine from `Go` to `Stopped`.

    ``tell`` gets every event with the board after it; it must not block.
    """

    def __init__(
        self,
        run: Run,
        spec: EngineSpec,
        target: Target,
        policy: Policy,
        *,
        tell: Callable[[Event, Board], None],
        secrets: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._desk = Desk(run, tell=tell, clock=clock)
        self._spec = spec._replace(env={**spec.env, **(secrets or {})})
        self._target = target
        self._policy = policy
        self.cards = CardWatch()
        self._asked_at = float("-inf")
        self._hearing: Hearing | None = None
        self._timers: dict[Timer, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # -- the outside ----------------------------------------------------------
    @property
    def board(self) -> Board:
        """The run as of now."""
        return self._desk.board

    def now(self) -> float:
        """Seconds of the run."""
        return self._desk.now()

    def ask_stop(self, by: str) -> None:
        """Somebody wants the end; may be called from a signal handler of the loop."""
        now = self.now()
        if now - self._asked_at >= _SAME_WISH:
            self._asked_at = now
            self._desk.put(StopAsked(by))

    def note(self, text: str) -> None:
        """Tell the operator a sentence."""
        self._desk.emit(Noted(self.now(), text))

    async def run(self) -> Stopped:
        """The whole life; returns how it ended. Leaves no process, whatever happens."""
        probe = Probe(self._target)
        watch = Watch(self._desk, probe, lambda: self._hearing, self.cards)
        self._begin(watch.run())
        self._desk.put(Go())
        try:
            while not isinstance(self._desk.state, Stopped):
                event = await self._desk.inputs.get()
                if isinstance(event, BaseException):
                    raise event
                self._observe(event)
                self._desk.state, effects = step(self._desk.state, event, self._policy)
                for effect in effects:
                    await self._carry_out(effect, probe)
            return self._desk.state
        finally:
            for handle in self._timers.values():
                handle.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self.cards.close()
            if self._hearing is not None:
                await self._hearing.process.close()

    # -- events and effects ---------------------------------------------------
    def _observe(self, event: Input) -> None:
        """What an input means for the board, whatever the machine makes of it."""
        desk, now, state = self._desk, self.now(), self._desk.state
        match event, state:
            case Spawned(attempt, pid), _:
                desk.emit(EngineSpawned(now, pid, attempt, self._spec.argv))
                desk.emit(PhaseEntered(now, Phase.IMPORTS))
            case FamilyGone(killed=killed), _ if self._hearing is not None:
                asked = isinstance(state, Stopping | Leaving) and state.failure is None
                status = self._hearing.status
                desk.emit(EngineExited(now, -9 if status is None else status, asked, killed))
            case HealthFailed(why=why), Ready():
                desk.emit(HealthSeen(now, healthy=False, detail=why))
            case HealthPassed(), Starting() | Degraded():
                desk.emit(HealthSeen(now, healthy=True, detail=""))
            case _:
                pass

    async def _carry_out(self, effect: Effect, probe: Probe) -> None:
        match effect:
            case Spawn(attempt):
                await self._spawn(attempt)
            case SignalRoot(sig) if self._hearing is not None:
                self._hearing.process.signal_root(sig)
            case Sweep(grace) if self._hearing is not None:
                self._hearing.process.sweep(grace)
            case StartTimer(attempt, timer, seconds):
                if old := self._timers.pop(timer, None):
                    old.cancel()
                loop = asyncio.get_running_loop()
                self._timers[timer] = loop.call_later(
                    seconds, self._desk.put, Elapsed(attempt, timer)
                )
            case AskCanary(attempt):
                self._begin(self._canary(attempt, probe))
            case Announce(state, reason):
                self._desk.emit(StateChanged(self.now(), state, reason))
            case _:
                pass

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        """A bug in what runs beside us must not leave us deaf or blind: it ends the run."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._desk.inputs.put_nowait(error)

    async def _spawn(self, number: int) -> None:
        if self._hearing is not None:
            await self._hearing.process.close()
        try:
            process = await EngineProcess.spawn(self._spec)
        except OSError as error:
            why = f"no process can be started: {error.strerror or error}"
            self._desk.put(SpawnRefused(number, why))
            return
        self._hearing = Hearing(self._desk, number, process)
        self._begin(self._hearing.listen())

    async def _canary(self, number: int, probe: Probe) -> None:
        self._desk.emit(PhaseEntered(self.now(), Phase.CANARY))
        heard = await probe.canary()
        if heard.answer is Answer.YES:
            self._desk.put(CanaryPassed(number))
            return
        await asyncio.sleep(_CANARY_PAUSE)
        self._desk.put(CanaryFailed(number, heard.detail))
