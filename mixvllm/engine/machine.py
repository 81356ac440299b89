"""The supervisor's mind: a state and an input give a state and effects. No I/O, no clock.

States hold exactly what is true in them: only a state with a living engine has a pid. Every
engine has an attempt number; news of an earlier attempt (a late timer, a late answer) is
about a state that has passed and changes nothing.

How a life goes::

    Idle -> Starting -> Warming -> Ready <-> Degraded
              |            |         |          |
              +------------+----+----+----------+   StopAsked, or the start took too long
                                v
                            Stopping -> Leaving -> Stopped          asked, or given up
                                           |
                                           +-> Backoff -> Starting  an exit nobody asked for

An exit that nobody asked for is a failure whatever its code: vLLM 0.32.0 exits with 0 when
its engine process was killed.
"""

import signal
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Final, TypeAlias

from mixvllm.core.phases import Phase


class Exit(IntEnum):
    """Exit codes of `serve` (beside those that every command has)."""

    DONE = 0
    MACHINE = 3
    NEVER = 4  # this profile can never start
    GIVEN_UP = 5
    NOT_CLEAN = 6


class Timer(StrEnum):
    """What the machine waits for."""

    STARTUP = "startup"  # the start takes too long
    INTERRUPT = "interrupt"  # SIGTERM during a start was lost, as vLLM does: try SIGINT
    SWEEP = "sweep"  # patience is over: end the whole family
    DEGRADED = "degraded"  # unhealthy for too long
    BACKOFF = "backoff"  # time to try again
    STABLE = "stable"  # ready long enough to forget earlier failures


@dataclass(frozen=True, slots=True)
class Policy:
    """The profile's `supervisor` section. All times in seconds."""

    restart: bool = True
    max_restarts: int = 5
    window: float = 600.0
    backoff: float = 1.0
    startup_timeout: float | None = None
    stop_grace: float = 30.0


MAX_BACKOFF: Final = 300.0
DEGRADED_LIMIT: Final = 30.0  # an unhealthy engine that has not ended by itself is ended
CANARY_TRIES: Final = 5


# -- states ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing was started yet."""


@dataclass(frozen=True, slots=True)
class Starting:
    """vLLM was spawned (pid None: not yet confirmed) and is not answering."""

    attempt: int
    failures: int
    pid: int | None = None
    phase: Phase = Phase.IMPORTS


@dataclass(frozen=True, slots=True)
class Warming:
    """/health is fine; our first completion is on its way."""

    attempt: int
    failures: int
    pid: int
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Ready:
    """The right model answered a real completion."""

    attempt: int
    failures: int
    pid: int


@dataclass(frozen=True, slots=True)
class Degraded:
    """It was ready, and now /health says no."""

    attempt: int
    failures: int
    pid: int
    reason: str


@dataclass(frozen=True, slots=True)
class Stopping:
    """The engine was told to end. ``failure`` says why when nobody asked us to stop."""

    attempt: int
    failures: int
    pid: int | None
    failure: str | None = None
    swept: bool = False


@dataclass(frozen=True, slots=True)
class Leaving:
    """The API server is gone; the rest of its family is being cleared away."""

    attempt: int
    failures: int
    status: int
    failure: str | None
    permanent: bool = False


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waiting before the next attempt."""

    attempt: int
    failures: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """The end. Holds no engine."""

    code: Exit
    reason: str


State: TypeAlias = (
    Idle | Starting | Warming | Ready | Degraded | Stopping | Leaving | Backoff | Stopped
)


# -- inputs ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Go:
    """Begin."""


@dataclass(frozen=True, slots=True)
class Spawned:
    """vLLM runs under this pid."""

    attempt: int
    pid: int


@dataclass(frozen=True, slots=True)
class SpawnRefused:
    """The operating system would not start it."""

    attempt: int
    why: str


@dataclass(frozen=True, slots=True)
class PhaseReached:
    """The log marked a phase."""

    attempt: int
    phase: Phase


@dataclass(frozen=True, slots=True)
class HealthPassed:
    """/health answered 200."""

    attempt: int


@dataclass(frozen=True, slots=True)
class HealthFailed:
    """/health answered something else, or nobody listens any more. A slow answer is no failure."""

    attempt: int
    why: str


@dataclass(frozen=True, slots=True)
class CanaryPassed:
    """A real completion of the right model came back."""

    attempt: int


@dataclass(frozen=True, slots=True)
class CanaryFailed:
    """It did not."""

    attempt: int
    why: str


@dataclass(frozen=True, slots=True)
class RootExited:
    """The API server ended, with the status as :mod:`subprocess` has it."""

    attempt: int
    status: int
    why: str = ""  # the root cause, as far as the log tells


@dataclass(frozen=True, slots=True)
class FamilyGone:
    """No process of this attempt is left, but for those in ``left``."""

    attempt: int
    killed: int
    left: int = 0


@dataclass(frozen=True, slots=True)
class OnlyRootLeft:
    """While stopping: the engine is gone, the API server still waits for open connections."""

    attempt: int


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Somebody wants the end: Ctrl-C, SIGTERM, the q key."""

    by: str


@dataclass(frozen=True, slots=True)
class Elapsed:
    """A timer ran out."""

    attempt: int
    timer: Timer


Input: TypeAlias = (
    Go | Spawned | SpawnRefused | PhaseReached | HealthPassed | HealthFailed | CanaryPassed
    | CanaryFailed | RootExited | FamilyGone | OnlyRootLeft | StopAsked | Elapsed
)  # fmt: skip


# -- effects --------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Spawn:
    """Start vLLM."""

    attempt: int


@dataclass(frozen=True, slots=True)
class SignalRoot:
    """Send a signal to the API server."""

    signal: signal.Signals


@dataclass(frozen=True, slots=True)
class Sweep:
    """End the whole family: SIGTERM, then after ``grace`` seconds SIGKILL."""

    grace: float


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Give :class:`Elapsed` after some seconds. One of each kind runs at a time."""

    attempt: int
    timer: Timer
    seconds: float


@dataclass(frozen=True, slots=True)
class AskCanary:
    """Ask the model for one token."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Announce:
    """Say the state, as product and metrics name it."""

    state: str
    reason: str = ""


Effect: TypeAlias = Spawn | SignalRoot | Sweep | StartTimer | AskCanary | Announce
Step: TypeAlias = tuple[State, tuple[Effect, ...]]

_Living: TypeAlias = Starting | Warming | Ready | Degraded


def step(state: State, event: Input, policy: Policy) -> Step:
    """The state after an input, and what must be done."""
    attempt = getattr(event, "attempt", None)
    if attempt is not None and attempt != getattr(state, "attempt", attempt):
        return state, ()  # late news
    match state, event:
        case Idle(), Go():
            return _spawn(1, 0, policy)
        case Idle(), StopAsked(by):
            return _stopped(Exit.DONE, f"stopped by {by} before anything was started")
        case Stopped(), _:
            return state, ()
        case ((Starting() | Warming() | Ready() | Degraded()), StopAsked(by)):
            return _stop(state, by, policy)
        case ((Stopping() | Leaving()), StopAsked(by)):
            return _hurry(state, by)
        case Backoff(), StopAsked(by):
            return _stopped(Exit.DONE, f"stopped by {by} between two tries")
        case Backoff(attempt, failures), Elapsed(timer=Timer.BACKOFF):
            return _spawn(attempt + 1, failures, policy)
        case Starting(), SpawnRefused(why=why):
            return _stopped(Exit.MACHINE, why)
        case Starting(), Spawned(pid=pid):
            return replace(state, pid=pid), ()
        case Starting(phase=old), PhaseReached(phase=phase) if phase.order > old.order:
            return replace(state, phase=phase), ()
        case Starting(attempt, failures, int(pid)), HealthPassed():
            return Warming(attempt, failures, pid), (
                Announce("warming", "the first completion is on its way"),
                AskCanary(attempt),
            )
        case Warming(attempt, failures, pid), CanaryPassed():
            return Ready(attempt, failures, pid), (
                Announce("ready"),
                StartTimer(attempt, Timer.STABLE, policy.window),
            )
        case Warming(attempt, tries=tries), CanaryFailed(why=why):
            if tries + 1 >= CANARY_TRIES:
                return _end(state, f"no completion after {CANARY_TRIES} tries: {why}", policy)
            return replace(state, tries=tries + 1), (AskCanary(attempt),)
        case Ready(attempt, failures, pid), HealthFailed(why=why):
            return Degraded(attempt, failures, pid, why), (
                Announce("degraded", why),
                StartTimer(attempt, Timer.DEGRADED, DEGRADED_LIMIT),
            )
        case Degraded(attempt, failures, pid), HealthPassed():
            return Ready(attempt, failures, pid), (Announce("ready"),)
        case Degraded(reason=why), Elapsed(timer=Timer.DEGRADED):
            return _end(state, f"unhealthy for {DEGRADED_LIMIT:g} s: {why}", policy)
        case Ready(), Elapsed(timer=Timer.STABLE):
            return replace(state, failures=0), ()
        case ((Starting() | Warming()), Elapsed(timer=Timer.STARTUP)):
            limit = policy.startup_timeout
            return _end(state, f"not ready after {limit:g} s", policy)
        case Stopping(swept=False), Elapsed(timer=Timer.INTERRUPT):
            return state, (SignalRoot(signal.SIGINT),)
        case Stopping(swept=False), (Elapsed(timer=Timer.SWEEP) | OnlyRootLeft()):
            return replace(state, swept=True), (Sweep(3.0),)
        case ((Starting() | Warming() | Ready() | Degraded()), RootExited(status=status, why=why)):
            return _died(state, status, why)
        case Stopping(attempt, failures, _, failure), RootExited(status=status):
            return Leaving(attempt, failures, status, failure), ()
        case ((Starting() | Warming() | Ready() | Degraded()), FamilyGone()):
            return _gone(_died(state, -9, "its keeper was killed")[0], event, policy)
        case Stopping(attempt, failures, _, failure), FamilyGone():
            return _gone(Leaving(attempt, failures, -9, failure), event, policy)
        case Leaving(), FamilyGone():
            return _gone(state, event, policy)
        case _:
            return state, ()  # news about a state that has passed


def _spawn(attempt: int, failures: int, policy: Policy) -> Step:
    effects: list[Effect] = [Spawn(attempt), Announce("starting")]
    if policy.startup_timeout is not None:
        effects.append(StartTimer(attempt, Timer.STARTUP, policy.startup_timeout))
    return Starting(attempt, failures), tuple(effects)


def _stopped(code: Exit, reason: str) -> Step:
    name = "stopped" if code in (Exit.DONE, Exit.NOT_CLEAN) else "failed"
    return Stopped(code, reason), (Announce(name, reason),)


def _stop(state: _Living, by: str, policy: Policy) -> Step:
    stopping = Stopping(state.attempt, state.failures, state.pid)
    draining = isinstance(state, Ready)
    said = Announce("draining" if draining else "stopping", f"asked by {by}")
    return stopping, (said, *_terminate(state, policy))


def _end(state: _Living, failure: str, policy: Policy) -> Step:
    """End an engine that failed without exiting."""
    stopping = Stopping(state.attempt, state.failures, state.pid, failure)
    effects = _terminate(state, replace(policy, stop_grace=0.0))
    return stopping, (Announce("stopping", failure), *effects)


def _terminate(state: _Living, policy: Policy) -> tuple[Effect, ...]:
    """SIGTERM, and what follows when it is not heard.

    Before it is ready vLLM 0.32.0 loses a SIGTERM in most phases (5 of 5 tries), SIGINT works;
    when it is ready it drains, and may then wait for open connections without limit.
    """
    attempt = state.attempt
    term: Effect = SignalRoot(signal.SIGTERM)
    if isinstance(state, Ready):
        return term, StartTimer(attempt, Timer.SWEEP, policy.stop_grace + 5.0)
    return (
        term,
        StartTimer(attempt, Timer.INTERRUPT, 1.0),
        StartTimer(attempt, Timer.SWEEP, 6.0),
    )


def _hurry(state: Stopping | Leaving, by: str) -> Step:
    """Asked while it ends: a failed engine is not tried again; asked a second time, at once."""
    if state.failure is not None:
        return replace(state, failure=None), (Announce("stopping", f"asked by {by}"),)
    sweep: Effect = Sweep(0.0)
    if isinstance(state, Leaving):
        return state, (sweep,)
    return replace(state, swept=True), (
        Announce("stopping", "asked again: at once"),
        sweep,
    )


def _died(state: _Living, status: int, why: str) -> Step:
    """The engine ended and nobody had asked."""
    how = f"was killed by signal {-status}" if status < 0 else f"exited with {status}"
    cause = f": {why}" if why else ""
    early = isinstance(state, Starting) and state.phase in (Phase.IMPORTS, Phase.CONFIG)
    where = f" during {state.phase.value}" if isinstance(state, Starting) else ""
    # 2 is argparse; 1 before the engine process exists is a configuration that vLLM refused.
    permanent = isinstance(state, Starting) and (status == 2 or (status == 1 and early))
    failure = f"vLLM {how}{where}{cause}"
    leaving = Leaving(state.attempt, state.failures, status, failure, permanent)
    return leaving, (Announce("stopping", failure),)


def _gone(state: State, event: FamilyGone, policy: Policy) -> Step:
    assert isinstance(state, Leaving)  # noqa: S101 - the only caller's promise
    if event.left:
        return _stopped(Exit.NOT_CLEAN, f"{event.left} processes could not be ended")
    if state.failure is None:
        if event.killed:
            return _stopped(Exit.NOT_CLEAN, f"stopped; {event.killed} processes had to be killed")
        return _stopped(Exit.DONE, "stopped as asked")
    failures = state.failures + 1
    if state.permanent:
        return _stopped(Exit.NEVER, f"{state.failure}; trying again would not help")
    if not policy.restart:
        return _stopped(Exit.GIVEN_UP, f"{state.failure}; supervisor.restart.policy is never")
    if failures > policy.max_restarts:
        tries = f"{failures} failures in a row" if failures > 1 else "max_restarts is 0"
        return _stopped(Exit.GIVEN_UP, f"{state.failure}; {tries}")
    seconds = min(MAX_BACKOFF, policy.backoff * 2.0 ** (failures - 1))
    reason = f"{state.failure}; try {failures} of {policy.max_restarts} in {seconds:g} s"
    return Backoff(state.attempt, failures, seconds), (
        Announce("backoff", reason),
        StartTimer(state.attempt, Timer.BACKOFF, seconds),
    )
