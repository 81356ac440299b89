"""The thin shell around the machine: inputs come in on one queue, effects are carried out.

One task owns all state. Everything that takes time (the engine's messages, questions over
HTTP, timers) runs beside it and only puts inputs on the queue, with the attempt it is about.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Final

from mixvllm.core.board import Board, Run, fold
from mixvllm.core.events import (
    EngineExited,
    EngineSpawned,
    Event,
    FactLearned,
    GaugesRead,
    HealthSeen,
    LineLogged,
    Noted,
    OutputSkipped,
    PhaseEntered,
    PhaseProgressed,
    StateChanged,
)
from mixvllm.core.phases import Phase
from mixvllm.engine.lines import LineSplitter
from mixvllm.engine.machine import (
    Announce,
    AskCanary,
    CanaryFailed,
    CanaryPassed,
    Degraded,
    Effect,
    Elapsed,
    FamilyGone,
    Go,
    HealthFailed,
    HealthPassed,
    Idle,
    Input,
    OnlyRootLeft,
    PhaseReached,
    Policy,
    Ready,
    RootExited,
    SignalRoot,
    Spawn,
    Spawned,
    SpawnRefused,
    Starting,
    StartTimer,
    State,
    StopAsked,
    Stopped,
    Stopping,
    Sweep,
    Warming,
    step,
)
from mixvllm.engine.messages import (
    Dropped,
    Exited,
    Gone,
    KeeperLost,
    LogTrouble,
    Message,
    Output,
    SpawnFailed,
    Started,
)
from mixvllm.engine.probe import Answer, Heard, Probe, Target
from mixvllm.engine.process import EngineProcess
from mixvllm.engine.sampling import MachineSampler, only_root_left
from mixvllm.engine.spec import EngineSpec
from mixvllm.vllm.logs import Complaint, Fact, PhaseSeen, Progress, read_line, root_cause
from mixvllm.vllm.metrics import EngineGauges, parse_metrics, rate

_POLL_STARTING: Final = 0.25  # seconds between two questions while it starts
_POLL_RUNNING: Final = 2.0
_CANARY_PAUSE: Final = 1.0
_LINES_AT_ONCE: Final = 100  # more in one piece than anybody can read: the rest is in the file


@dataclass(slots=True)
class _Attempt:
    """One engine: its process and all that was learnt from its output."""

    number: int
    process: EngineProcess
    splitter: LineSplitter = field(default_factory=LineSplitter)
    complaints: deque[Complaint] = field(default_factory=lambda: deque(maxlen=400))
    pid: int | None = None
    status: int | None = None
    exit_sent: bool = False


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
        self.board = Board(run)
        self._spec = spec._replace(env={**spec.env, **(secrets or {})})
        self._command = spec.argv
        self._target = target
        self._policy = policy
        self._tell = tell
        self._clock = clock
        self._began = clock()
        self._state: State = Idle()
        self._inputs: asyncio.Queue[Input] = asyncio.Queue()
        self._attempt: _Attempt | None = None
        self._timers: dict[object, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sampler = MachineSampler()

    # -- the outside ----------------------------------------------------------
    def now(self) -> float:
        """Seconds of the run."""
        return self._clock() - self._began

    def ask_stop(self, by: str) -> None:
        """Somebody wants the end; may be called from a signal handler of the loop."""
        self._inputs.put_nowait(StopAsked(by))

    def note(self, text: str) -> None:
        """Tell the operator a sentence."""
        self._emit(Noted(self.now(), text))

    async def run(self) -> Stopped:
        """The whole life; returns how it ended. Leaves no process, whatever happens."""
        loop = asyncio.get_running_loop()
        probe = Probe(self._target)
        self._begin(self._watch(probe))
        self._inputs.put_nowait(Go())
        try:
            while not isinstance(self._state, Stopped):
                event = await self._inputs.get()
                self._observe(event)
                self._state, effects = step(self._state, event, self._policy)
                for effect in effects:
                    await self._carry_out(effect, loop, probe)
            return self._state
        finally:
            for handle in self._timers.values():
                handle.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            probe.close()
            self._sampler.close()
            if self._attempt is not None:
                await self._attempt.process.close()

    # -- events and effects ---------------------------------------------------
    def _emit(self, event: Event) -> None:
        self.board = fold(self.board, event)
        self._tell(event, self.board)

    def _observe(self, event: Input) -> None:
        """What an input means for the board, whatever the machine makes of it."""
        match event, self._attempt:
            case Spawned(attempt, pid), _:
                self._emit(EngineSpawned(self.now(), pid, attempt, self._command))
                self._emit(PhaseEntered(self.now(), Phase.IMPORTS))
            case FamilyGone(killed=killed), _Attempt(status=status):
                asked = isinstance(self._state, Stopping) or self._state_was_asked()
                code = -9 if status is None else status
                self._emit(EngineExited(self.now(), code, asked, killed))
            case (HealthFailed(why=why), _) if isinstance(self._state, Ready):
                self._emit(HealthSeen(self.now(), healthy=False, detail=why))
            case (HealthPassed(), _) if isinstance(self._state, Starting | Degraded):
                self._emit(HealthSeen(self.now(), healthy=True, detail=""))
            case _:
                pass

    def _state_was_asked(self) -> bool:
        return getattr(self._state, "failure", "") is None

    async def _carry_out(
        self, effect: Effect, loop: asyncio.AbstractEventLoop, probe: Probe
    ) -> None:
        match effect:
            case Spawn(attempt):
                await self._spawn(attempt)
            case SignalRoot(sig):
                if self._attempt is not None:
                    self._attempt.process.signal_root(sig)
            case Sweep(grace):
                if self._attempt is not None:
                    self._attempt.process.sweep(grace)
            case StartTimer(attempt, timer, seconds):
                if old := self._timers.pop(timer, None):
                    old.cancel()
                self._timers[timer] = loop.call_later(
                    seconds, self._inputs.put_nowait, Elapsed(attempt, timer)
                )
            case AskCanary(attempt):
                self._begin(self._canary(attempt, probe))
            case Announce(state, reason):
                self._emit(StateChanged(self.now(), state, reason))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _spawn(self, number: int) -> None:
        if self._attempt is not None:
            await self._attempt.process.close()
        try:
            process = await EngineProcess.spawn(self._spec)
        except OSError as error:
            self._inputs.put_nowait(SpawnRefused(number, f"no process can be started: {error}"))
            return
        self._attempt = _Attempt(number, process)
        self._begin(self._listen(self._attempt))

    # -- the engine's messages ------------------------------------------------
    async def _listen(self, attempt: _Attempt) -> None:
        async for message in attempt.process.messages():
            self._hear(attempt, message)

    def _hear(self, attempt: _Attempt, message: Message) -> None:
        number = attempt.number
        match message:
            case Started(pid=pid):
                attempt.pid = pid
                self._inputs.put_nowait(Spawned(number, pid))
            case SpawnFailed(message=why):
                self._inputs.put_nowait(SpawnRefused(number, why))
            case Output(data):
                self._read(attempt, attempt.splitter.feed(data))
            case Dropped(lines=lines):
                self._emit(OutputSkipped(self.now(), lines, "they came too fast to show"))
            case LogTrouble(errno=errno, lost_bytes=lost):
                self._trouble(errno, lost)
            case Exited(status=status):
                self._read(attempt, attempt.splitter.flush())
                attempt.status = status
                why = root_cause(list(attempt.complaints)) or ""
                self._inputs.put_nowait(RootExited(number, status, why))
            case Gone(killed=killed, left=left):
                self._inputs.put_nowait(FamilyGone(number, killed, len(left)))
            case KeeperLost(status=status):
                self.note(f"the engine's keeper was killed (status {status}); the engine ends")

    def _trouble(self, errno: int | None, lost: int) -> None:
        if errno is None:
            self.note(f"the log file can be written again; {lost} bytes are missing in it")
        else:
            why = os.strerror(errno)
            self.note(f"the log file cannot be written: {why}; vLLM goes on")

    def _read(self, attempt: _Attempt, lines: list[str]) -> None:
        starting = isinstance(self._state, Starting | Warming | Idle)
        shown = lines[-_LINES_AT_ONCE:]
        if len(lines) > len(shown):
            missed = len(lines) - len(shown)
            self._emit(OutputSkipped(self.now(), missed, "they came too fast to show"))
        for line in lines if starting or isinstance(self._state, Stopping) else shown:
            for seen in read_line(line):
                self._learn(attempt, seen, starting=starting)
        for line in shown:
            self._emit(LineLogged(self.now(), line))

    def _learn(
        self, attempt: _Attempt, seen: PhaseSeen | Progress | Fact | Complaint, *, starting: bool
    ) -> None:
        match seen:
            case Complaint():
                attempt.complaints.append(seen)
            case PhaseSeen(phase) if starting:
                before = self.board.phase
                if before is None or phase.order > before.order:
                    self._emit(PhaseEntered(self.now(), phase))
                    self._inputs.put_nowait(PhaseReached(attempt.number, phase))
            case Progress(phase, done, total) if starting:
                self._emit(PhaseProgressed(self.now(), phase, done, total))
            case Fact(name, value):
                self._emit(FactLearned(self.now(), name, value))
            case _:
                pass

    # -- questions ------------------------------------------------------------
    async def _canary(self, number: int, probe: Probe) -> None:
        self._emit(PhaseEntered(self.now(), Phase.CANARY))
        heard = await probe.canary()
        if heard.answer is Answer.YES:
            self._inputs.put_nowait(CanaryPassed(number))
            return
        await asyncio.sleep(_CANARY_PAUSE)
        self._inputs.put_nowait(CanaryFailed(number, heard.detail))

    async def _watch(self, probe: Probe) -> None:
        """Ask the engine and the machine, as often as its state deserves."""
        last: tuple[float, EngineGauges] | None = None
        sampled = 0.0
        while True:
            state = self._state
            quick = isinstance(state, Starting | Warming | Degraded | Stopping)
            await asyncio.sleep(_POLL_STARTING if quick else _POLL_RUNNING)
            state = self._state
            if isinstance(state, Starting | Ready | Degraded) and state.pid is not None:
                self._report(state, await probe.health())
            if isinstance(state, Ready):
                last = await self._gauges(probe, last)
            if isinstance(state, Stopping) and not state.swept:
                self._look_for_survivors(state)
            if self.now() - sampled >= _POLL_RUNNING:
                sampled = self.now()
                self._sample()

    def _report(self, state: Starting | Ready | Degraded, heard: Heard) -> None:
        number = state.attempt
        if heard.answer is Answer.YES:
            if not isinstance(state, Ready):
                self._inputs.put_nowait(HealthPassed(number))
        elif heard.answer is not Answer.SLOW and not isinstance(state, Starting):
            self._inputs.put_nowait(HealthFailed(number, heard.detail))

    async def _gauges(
        self, probe: Probe, last: tuple[float, EngineGauges] | None
    ) -> tuple[float, EngineGauges] | None:
        heard = await probe.metrics()
        if heard.answer is not Answer.YES:
            return last
        try:
            now, read = self.now(), parse_metrics(heard.body)
        except ValueError:
            return last
        before_at, before = last or (now, EngineGauges())
        seconds = now - before_at
        first_tokens = rate(read.first_token_count, before.first_token_count, 1.0)
        waited = rate(read.first_token_seconds_sum, before.first_token_seconds_sum, 1.0)
        self._emit(
            GaugesRead(
                now,
                running=read.running,
                waiting=read.waiting,
                prompt_tokens_per_second=rate(read.prompt_tokens, before.prompt_tokens, seconds),
                generation_tokens_per_second=rate(
                    read.generation_tokens, before.generation_tokens, seconds
                ),
                kv_cache_usage=read.kv_cache_usage,
                first_token_seconds=waited / first_tokens if waited and first_tokens else None,
                requests_finished=read.requests_finished,
            )
        )
        return now, read

    def _sample(self) -> None:
        attempt = self._attempt
        if attempt is None or attempt.pid is None or isinstance(self._state, Stopped):
            return
        self._emit(self._sampler.sample(self.now(), attempt.process.keeper_pid))

    def _look_for_survivors(self, state: Stopping) -> None:
        """An API server without its engine only waits for clients that never hang up."""
        attempt = self._attempt
        if attempt is None or attempt.pid is None or attempt.status is not None:
            return
        if only_root_left(attempt.process.keeper_pid, attempt.pid):
            self._inputs.put_nowait(OnlyRootLeft(state.attempt))
