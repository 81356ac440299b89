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
its engine process was killed. Some failures are permanent: the same command would fail again.
Of a profile that was ready once in this run none is: it can start, and will again when the
model hub, the disk or the port is back.
"""

import signal
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from mixvllm.core.phases import Phase
from mixvllm.engine.effects import (
    Announce,
    AskCanary,
    Effect,
    SignalRoot,
    Spawn,
    StartTimer,
    Sweep,
)
from mixvllm.engine.inputs import (
    CanaryFailed,
    CanaryPassed,
    Elapsed,
    FamilyGone,
    Go,
    HealthFailed,
    HealthPassed,
    Input,
    OnlyRootLeft,
    PhaseReached,
    RootExited,
    Spawned,
    SpawnRefused,
    StopAsked,
    Timer,
)
from mixvllm.engine.states import (
    Backoff,
    Degraded,
    Exit,
    Idle,
    Leaving,
    Living,
    Past,
    Ready,
    Starting,
    State,
    Stopped,
    Stopping,
    Warming,
)

MAX_BACKOFF: Final = 300.0
_DOUBLINGS: Final = 30  # from a millisecond that is beyond every limit; a float ends at 2**1024
DEGRADED_LIMIT: Final = 30.0  # an unhealthy engine that has not ended by itself is ended
CANARY_TRIES: Final = 5

Step: TypeAlias = tuple[State, tuple[Effect, ...]]


@dataclass(frozen=True, slots=True)
class Policy:
    """The profile's `supervisor` section. All times in seconds."""

    restart: bool = True
    max_restarts: int = 5
    window: float = 600.0
    backoff: float = 1.0
    startup_timeout: float | None = None
    stop_grace: float = 30.0


def step(state: State, event: Input, policy: Policy) -> Step:
    """The state after an input, and what must be done."""
    attempt = getattr(event, "attempt", None)
    if attempt is not None and attempt != getattr(state, "attempt", attempt):
        return state, ()  # late news
    match state, event:
        case Idle(), Go():
            return _spawn(Past(), policy)
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
        case Backoff(past), Elapsed(timer=Timer.BACKOFF):
            return _spawn(replace(past, attempt=past.attempt + 1), policy)
        case ((Starting() | Stopping()), SpawnRefused(why=why)):
            return _refused(state, why, policy)
        case Starting(), Spawned(pid=pid):
            return replace(state, pid=pid), ()
        case Starting(phase=old), PhaseReached(phase=phase) if phase.order > old.order:
            return replace(state, phase=phase), ()
        case Starting(past, int(pid)), HealthPassed():
            return Warming(past, pid), (
                Announce("warming", "the first completion is on its way"),
                AskCanary(past.attempt),
            )
        case Warming(past, pid), CanaryPassed():
            return _ready(replace(past, proven=True), pid, policy)
        case Warming(past, tries=tries), CanaryFailed(why=why):
            if tries + 1 >= CANARY_TRIES:
                return _end(state, f"no completion after {CANARY_TRIES} tries: {why}", policy)
            return replace(state, tries=tries + 1), (AskCanary(past.attempt),)
        case Ready(past, pid), HealthFailed(why=why):
            return Degraded(past, pid, why), (
                Announce("degraded", why),
                StartTimer(past.attempt, Timer.DEGRADED, DEGRADED_LIMIT),
            )
        case Degraded(past, pid), HealthPassed():
            return _ready(past, pid, policy)
        case Degraded(reason=why), Elapsed(timer=Timer.DEGRADED):
            return _end(state, f"unhealthy for {DEGRADED_LIMIT:g} s: {why}", policy)
        case Ready(past), Elapsed(timer=Timer.STABLE):
            return replace(state, past=replace(past, failures=0)), ()
        case ((Starting() | Warming()), Elapsed(timer=Timer.STARTUP)):
            limit = policy.startup_timeout or 0.0
            return _end(state, f"not ready after {limit:g} s", policy)
        case Stopping(swept=False), Elapsed(timer=Timer.INTERRUPT):
            return state, (SignalRoot(signal.SIGINT),)
        case Stopping(swept=False), Elapsed(timer=Timer.SWEEP):
            return replace(state, swept=True), (Sweep(3.0),)
        case Stopping(swept=False, was_up=True), OnlyRootLeft():
            return replace(state, swept=True), (Sweep(3.0),)
        case ((Starting() | Warming() | Ready() | Degraded()), RootExited()):
            return _died(state, event)
        case Stopping(past, failure=failure), RootExited(status=status):
            return Leaving(past, status, failure), ()
        case ((Starting() | Warming() | Ready() | Degraded()), FamilyGone()):
            lost = RootExited(state.attempt, -9, "its keeper was killed")
            return _gone(_died(state, lost)[0], event, policy)
        case Stopping(past, failure=failure), FamilyGone():
            return _gone(Leaving(past, -9, failure), event, policy)
        case Leaving(), FamilyGone():
            return _gone(state, event, policy)
        case _:
            return state, ()  # news about a state that has passed


def _spawn(past: Past, policy: Policy) -> Step:
    effects: list[Effect] = [Spawn(past.attempt), Announce("starting")]
    if policy.startup_timeout is not None:
        effects.append(StartTimer(past.attempt, Timer.STARTUP, policy.startup_timeout))
    return Starting(past), tuple(effects)


def _refused(state: Starting | Stopping, why: str, policy: Policy) -> Step:
    """There is no process. The first time it is this machine's fault; later it may pass."""
    if isinstance(state, Stopping) and state.failure is None:
        return _stopped(Exit.DONE, "stopped as asked")
    if state.past.attempt == 1:
        return _stopped(Exit.MACHINE, why)
    return _again(state.past, why, policy)


def _ready(past: Past, pid: int, policy: Policy) -> Step:
    return Ready(past, pid), (
        Announce("ready"),
        StartTimer(past.attempt, Timer.STABLE, policy.window),
    )


def _stopped(code: Exit, reason: str) -> Step:
    name = "stopped" if code in (Exit.DONE, Exit.NOT_CLEAN) else "failed"
    return Stopped(code, reason), (Announce(name, reason),)


def _stop(state: Living, by: str, policy: Policy) -> Step:
    said = Announce("draining" if isinstance(state, Ready) else "stopping", f"asked by {by}")
    return _stopping(state, None), (said, *_terminate(state, policy))


def _end(state: Living, failure: str, policy: Policy) -> Step:
    """End an engine that failed without exiting."""
    return _stopping(state, failure), (Announce("stopping", failure), *_terminate(state, policy))


def _stopping(state: Living, failure: str | None) -> Stopping:
    return Stopping(state.past, state.pid, failure, was_up=not isinstance(state, Starting))


def _terminate(state: Living, policy: Policy) -> tuple[Effect, ...]:
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
    return replace(state, swept=True), (Announce("stopping", "asked again: at once"), sweep)


def _died(state: Living, event: RootExited) -> Step:
    """The engine ended and nobody had asked."""
    status = event.status
    how = f"was killed by signal {-status}" if status < 0 else f"exited with {status}"
    cause = f": {event.why}" if event.why else ", and nobody had asked" if status == 0 else ""
    where = f" during {state.phase.value}" if isinstance(state, Starting) else ""
    failure = f"vLLM {how}{where}{cause}"
    leaving = Leaving(state.past, status, failure, _is_permanent(state, event))
    return leaving, (Announce("stopping", failure),)


def _is_permanent(state: Living, event: RootExited) -> bool:
    """2 is argparse; 1 before there is an engine process is a configuration that vLLM refused."""
    if not isinstance(state, Starting) or state.past.proven or event.may_pass:
        return False
    early = state.phase in (Phase.IMPORTS, Phase.CONFIG)
    return event.status == 2 or (event.status == 1 and early)


def _gone(state: State, event: FamilyGone, policy: Policy) -> Step:
    assert isinstance(state, Leaving)  # noqa: S101 - the only caller's promise
    if event.left:
        return _stopped(Exit.NOT_CLEAN, f"{event.left} processes could not be ended")
    if state.failure is None:
        if event.killed:
            return _stopped(Exit.NOT_CLEAN, f"stopped; {event.killed} processes had to be killed")
        return _stopped(Exit.DONE, "stopped as asked")
    if state.permanent:
        return _stopped(Exit.NEVER, f"{state.failure}; trying again would not help")
    return _again(state.past, state.failure, policy)


def _again(past: Past, failure: str, policy: Policy) -> Step:
    """Another try, if one is left."""
    failures = past.failures + 1
    if not policy.restart:
        return _stopped(Exit.GIVEN_UP, f"{failure}; supervisor.restart.policy is never")
    if failures > policy.max_restarts:
        tries = f"{failures} failures in a row" if failures > 1 else "max_restarts is 0"
        return _stopped(Exit.GIVEN_UP, f"{failure}; {tries}")
    seconds = min(MAX_BACKOFF, policy.backoff * 2.0 ** min(failures - 1, _DOUBLINGS))
    reason = f"{failure}; try {failures} of {policy.max_restarts} in {seconds:g} s"
    return Backoff(replace(past, failures=failures), seconds), (
        Announce("backoff", reason),
        StartTimer(past.attempt, Timer.BACKOFF, seconds),
    )
