"""The life of an engine, played: an input at a time, and what comes of it."""

import signal
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from mixvllm.engine.machine import CANARY_TRIES, DEGRADED_LIMIT, MAX_BACKOFF, Policy, step
from mixvllm.engine.states import (
    Backoff,
    Degraded,
    Exit,
    Idle,
    Leaving,
    Past,
    Ready,
    Starting,
    State,
    Stopped,
    Stopping,
    Warming,
)

USUAL = Policy(window=600.0, backoff=1.0, max_restarts=2, stop_grace=30.0)
UP = (Go(), Spawned(1, 7), HealthPassed(1), CanaryPassed(1))
DEAD = (RootExited(1, 1, "RuntimeError: no luck"), FamilyGone(1, 0))


def play(*events: Input, policy: Policy = USUAL, state: State | None = None) -> State:
    """The state after these inputs."""
    now: State = Idle() if state is None else state
    for event in events:
        now, _ = step(now, event, policy)
    return now


def last(*events: Input, policy: Policy = USUAL) -> tuple[State, tuple[Effect, ...]]:
    """The state after these inputs, and the effects of the last one."""
    return step(play(*events[:-1], policy=policy), events[-1], policy)


# the start


def test_go_spawns() -> None:
    assert last(Go()) == (Starting(Past(1)), (Spawn(1), Announce("starting")))


def test_a_start_has_a_limit_only_if_the_profile_gives_one() -> None:
    _, effects = last(Go(), policy=Policy(startup_timeout=90))
    assert StartTimer(1, Timer.STARTUP, 90) in effects


def test_a_start_gets_its_pid_and_its_phases() -> None:
    assert play(Go(), Spawned(1, 7)) == Starting(Past(1), 7)
    assert play(Go(), Spawned(1, 7), PhaseReached(1, Phase.WEIGHTS)) == Starting(
        Past(1), 7, Phase.WEIGHTS
    )


def test_phases_do_not_go_back() -> None:
    seen = (PhaseReached(1, Phase.WEIGHTS), PhaseReached(1, Phase.CONFIG))
    assert play(Go(), Spawned(1, 7), *seen) == Starting(Past(1), 7, Phase.WEIGHTS)


def test_health_alone_is_not_ready() -> None:
    state, effects = last(*UP[:3])
    assert state == Warming(Past(1), 7)
    assert AskCanary(1) in effects


def test_an_answer_before_there_is_a_pid_is_somebody_elses() -> None:
    assert play(Go(), HealthPassed(1)) == Starting(Past(1))


def test_a_completion_makes_it_ready() -> None:
    state, effects = last(*UP)
    assert state == Ready(Past(1, proven=True), 7)
    assert effects == (Announce("ready"), StartTimer(1, Timer.STABLE, 600))


def test_a_failed_completion_is_asked_again() -> None:
    state, effects = last(*UP[:3], CanaryFailed(1, "500 "))
    assert state == Warming(Past(1), 7, tries=1)
    assert effects == (AskCanary(1),)


def test_an_engine_that_never_completes_is_ended_and_tried_again() -> None:
    failed = [CanaryFailed(1, "it serves other, not mine")] * CANARY_TRIES
    state, effects = last(*UP[:3], *failed)
    assert isinstance(state, Stopping)
    assert state.failure == f"no completion after {CANARY_TRIES} tries: it serves other, not mine"
    assert SignalRoot(signal.SIGTERM) in effects
    assert isinstance(play(RootExited(1, 0), FamilyGone(1, 0), state=state), Backoff)


def test_a_start_that_takes_too_long_is_ended_and_tried_again() -> None:
    policy = Policy(startup_timeout=90)
    state, effects = last(Go(), Spawned(1, 7), Elapsed(1, Timer.STARTUP), policy=policy)
    assert state == Stopping(Past(1), 7, "not ready after 90 s")
    assert effects[0] == Announce("stopping", "not ready after 90 s")
    assert isinstance(play(FamilyGone(1, 2), state=state, policy=policy), Backoff)


def test_the_start_limit_says_nothing_once_it_is_ready() -> None:
    policy = Policy(startup_timeout=90)
    ready = play(*UP, policy=policy)
    assert play(Elapsed(1, Timer.STARTUP), state=ready, policy=policy) == ready


def test_a_command_that_cannot_be_started_is_this_machines_fault() -> None:
    assert play(Go(), SpawnRefused(1, "vllm was not found on PATH")) == Stopped(
        Exit.MACHINE, "vllm was not found on PATH"
    )


def test_later_it_may_be_startable_again() -> None:
    state = play(*UP, *DEAD, Elapsed(1, Timer.BACKOFF), SpawnRefused(2, "no memory"))
    assert isinstance(state, Backoff)
    assert state.past.failures == 2


# ready, and not


def test_an_unhealthy_engine_gets_a_while() -> None:
    state, effects = last(*UP, HealthFailed(1, "503"))
    assert state == Degraded(Past(1, proven=True), 7, "503")
    assert effects == (
        Announce("degraded", "503"),
        StartTimer(1, Timer.DEGRADED, DEGRADED_LIMIT),
    )


def test_it_may_recover_and_the_stable_time_starts_anew() -> None:
    state, effects = last(*UP, HealthFailed(1, "503"), HealthPassed(1))
    assert state == play(*UP)
    assert StartTimer(1, Timer.STABLE, 600) in effects
    assert play(Elapsed(1, Timer.DEGRADED), state=state) == state


def test_it_is_ended_when_it_does_not() -> None:
    state = play(*UP, HealthFailed(1, "503"), Elapsed(1, Timer.DEGRADED))
    assert isinstance(state, Stopping)
    assert state.failure == "unhealthy for 30 s: 503"


def test_health_does_not_matter_during_a_start_or_an_end() -> None:
    for events in (UP[:2], UP[:3], (*UP, StopAsked("Ctrl-C"))):
        state = play(*events)
        assert play(HealthFailed(1, "refused"), state=state) == state


# the end


@pytest.mark.parametrize("events", [UP[:1], UP[:2], UP[:3]], ids=["spawned", "starting", "warming"])
def test_a_stop_during_the_start_insists_since_vllm_loses_signals(events: list[Input]) -> None:
    state, effects = last(*events, StopAsked("Ctrl-C"))
    assert isinstance(state, Stopping)
    assert state.failure is None
    assert effects == (
        Announce("stopping", "asked by Ctrl-C"),
        SignalRoot(signal.SIGTERM),
        StartTimer(1, Timer.INTERRUPT, 1.0),
        StartTimer(1, Timer.SWEEP, 6.0),
    )
    assert step(state, Elapsed(1, Timer.INTERRUPT), USUAL) == (state, (SignalRoot(signal.SIGINT),))


def test_a_stop_lets_requests_finish() -> None:
    state, effects = last(*UP, StopAsked("SIGTERM"))
    assert state == Stopping(Past(1, proven=True), 7, was_up=True)
    assert effects == (
        Announce("draining", "asked by SIGTERM"),
        SignalRoot(signal.SIGTERM),
        StartTimer(1, Timer.SWEEP, 35.0),
    )


def test_a_stop_ends_with_everything_gone() -> None:
    state = play(*UP, StopAsked("Ctrl-C"), RootExited(1, 0))
    assert isinstance(state, Leaving)
    assert play(FamilyGone(1, 0), state=state) == Stopped(Exit.DONE, "stopped as asked")


@pytest.mark.parametrize("status", [0, 1, -9, -15])
def test_an_exit_that_was_asked_for_is_fine_whatever_its_code(status: int) -> None:
    ended = play(*UP, StopAsked("Ctrl-C"), RootExited(1, status), FamilyGone(1, 0))
    assert ended == Stopped(Exit.DONE, "stopped as asked")


def test_what_had_to_be_killed_is_told() -> None:
    ended = play(*UP, StopAsked("Ctrl-C"), RootExited(1, -9), FamilyGone(1, 3))
    assert ended == Stopped(Exit.NOT_CLEAN, "stopped; 3 processes had to be killed")


def test_what_could_not_be_killed_is_told_and_nothing_is_started_beside_it() -> None:
    ended = play(*UP, RootExited(1, 1), FamilyGone(1, 3, left=1))
    assert ended == Stopped(Exit.NOT_CLEAN, "1 processes could not be ended")


def test_patience_ends_once() -> None:
    stopping = play(*UP, StopAsked("Ctrl-C"))
    swept, effects = step(stopping, Elapsed(1, Timer.SWEEP), USUAL)
    assert effects == (Sweep(3.0),)
    assert step(swept, Elapsed(1, Timer.SWEEP), USUAL) == (swept, ())
    assert step(swept, OnlyRootLeft(1), USUAL) == (swept, ())


def test_an_api_server_that_only_waits_for_its_clients_is_not_waited_for() -> None:
    _, effects = last(*UP, StopAsked("Ctrl-C"), OnlyRootLeft(1))
    assert effects == (Sweep(3.0),)


def test_an_api_server_without_an_engine_yet_still_gets_its_second_signal() -> None:
    state, effects = last(Go(), Spawned(1, 7), StopAsked("Ctrl-C"), OnlyRootLeft(1))
    assert effects == ()
    assert step(state, Elapsed(1, Timer.INTERRUPT), USUAL)[1] == (SignalRoot(signal.SIGINT),)


@pytest.mark.parametrize("events", [UP[:2], UP[:3], UP], ids=["starting", "warming", "ready"])
def test_a_second_stop_means_at_once(events: list[Input]) -> None:
    _, effects = last(*events, StopAsked("Ctrl-C"), StopAsked("Ctrl-C"))
    assert Sweep(0.0) in effects


def test_a_second_stop_hurries_the_rest_of_the_family_too() -> None:
    _, effects = last(*UP, StopAsked("Ctrl-C"), RootExited(1, 0), StopAsked("Ctrl-C"))
    assert effects == (Sweep(0.0),)


def test_a_stop_while_a_failed_engine_ends_is_a_first_stop() -> None:
    failed = (*UP, RootExited(1, 1, "boom"))
    state, effects = last(*failed, StopAsked("Ctrl-C"))
    assert effects == (Announce("stopping", "asked by Ctrl-C"),)
    assert play(FamilyGone(1, 0), state=state) == Stopped(Exit.DONE, "stopped as asked")


def test_a_stop_between_two_tries() -> None:
    assert play(*UP, *DEAD, StopAsked("Ctrl-C")) == Stopped(
        Exit.DONE, "stopped by Ctrl-C between two tries"
    )


def test_a_stop_before_anything() -> None:
    state = play(StopAsked("SIGTERM"))
    assert state == Stopped(Exit.DONE, "stopped by SIGTERM before anything was started")
    assert play(Go(), state=state) == state


def test_a_stop_while_the_spawn_fails() -> None:
    assert play(Go(), StopAsked("Ctrl-C"), SpawnRefused(1, "no memory")) == Stopped(
        Exit.DONE, "stopped as asked"
    )


def test_a_start_limit_while_the_spawn_fails() -> None:
    policy = Policy(startup_timeout=1)
    events = (Go(), Elapsed(1, Timer.STARTUP), SpawnRefused(1, "no memory"))
    assert play(*events, policy=policy) == Stopped(Exit.MACHINE, "no memory")


# failures


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "vLLM exited with 0, and nobody had asked"),
        (1, "vLLM exited with 1"),
        (-9, "vLLM was killed by signal 9"),
    ],
)
def test_an_exit_nobody_asked_for_is_a_failure_whatever_its_code(status: int, words: str) -> None:
    state, effects = last(*UP, RootExited(1, status), FamilyGone(1, 0))
    assert state == Backoff(Past(1, failures=1, proven=True), 1.0)
    assert effects == (
        Announce("backoff", f"{words}; try 1 of 2 in 1 s"),
        StartTimer(1, Timer.BACKOFF, 1.0),
    )


def test_nothing_is_started_before_the_family_is_gone() -> None:
    state, effects = last(*UP, RootExited(1, 1, "boom"))
    assert isinstance(state, Leaving)
    assert effects == (Announce("stopping", "vLLM exited with 1: boom"),)


def test_after_the_pause_comes_the_next_attempt() -> None:
    state, effects = last(*UP, *DEAD, Elapsed(1, Timer.BACKOFF))
    assert state == Starting(Past(2, failures=1, proven=True))
    assert effects[0] == Spawn(2)


def test_each_pause_is_twice_as_long_up_to_a_limit() -> None:
    policy = Policy(max_restarts=5000, backoff=0.5)
    state: State = play(Go(), policy=policy)
    pauses = []
    for attempt in range(1, 3000):  # a float that doubles so often has no value any more
        state = play(RootExited(attempt, -6), FamilyGone(attempt, 0), state=state, policy=policy)
        assert isinstance(state, Backoff)
        pauses.append(state.seconds)
        state = play(Elapsed(attempt, Timer.BACKOFF), state=state, policy=policy)
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == MAX_BACKOFF


def test_it_gives_up_after_so_many_failures_in_a_row() -> None:
    state: State = play(Go())
    for attempt in (1, 2, 3):
        state = play(Elapsed(attempt - 1, Timer.BACKOFF), state=state)
        state = play(RootExited(attempt, -11), FamilyGone(attempt, 0), state=state)
    assert state == Stopped(
        Exit.GIVEN_UP, "vLLM was killed by signal 11 during imports; 3 failures in a row"
    )


def test_being_ready_for_long_forgets_earlier_failures() -> None:
    again = (*DEAD, Elapsed(1, Timer.BACKOFF), Spawned(2, 8), HealthPassed(2), CanaryPassed(2))
    assert play(*UP, *again) == Ready(Past(2, failures=1, proven=True), 8)
    assert play(*UP, *again, Elapsed(2, Timer.STABLE)) == Ready(Past(2, proven=True), 8)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Policy(restart=False), "supervisor.restart.policy is never"),
        (Policy(max_restarts=0), "max_restarts is 0"),
    ],
)
def test_a_profile_may_forbid_another_try(policy: Policy, words: str) -> None:
    ended = play(*UP, *DEAD, policy=policy)
    assert ended == Stopped(Exit.GIVEN_UP, f"vLLM exited with 1: RuntimeError: no luck; {words}")


REFUSED = [
    (Phase.IMPORTS, 1, Exit.NEVER),
    (Phase.CONFIG, 1, Exit.NEVER),
    (Phase.IMPORTS, 2, Exit.NEVER),
    (Phase.CONFIG, 2, Exit.NEVER),
    (Phase.ENGINE, 1, None),
    (Phase.WEIGHTS, 1, None),
    (Phase.IMPORTS, 0, None),
    (Phase.CONFIG, -9, None),
]


@pytest.mark.parametrize(("phase", "status", "end"), REFUSED)
def test_a_command_that_vllm_refuses_is_not_tried_again(
    phase: Phase, status: int, end: Exit | None
) -> None:
    events = (Go(), Spawned(1, 7), PhaseReached(1, phase), RootExited(1, status), FamilyGone(1, 0))
    state = play(*events)
    assert isinstance(state, Stopped if end else Backoff)
    if isinstance(state, Stopped):
        assert state.code is end
        assert state.reason.endswith("trying again would not help")


def test_a_refusal_that_may_pass_is_tried_again() -> None:
    refused = RootExited(1, 1, "OSError: [Errno 98] Address already in use", may_pass=True)
    state = play(Go(), Spawned(1, 7), PhaseReached(1, Phase.CONFIG), refused, FamilyGone(1, 0))
    assert isinstance(state, Backoff)


def test_a_profile_that_was_ready_once_can_start() -> None:
    again = (*UP, *DEAD, Elapsed(1, Timer.BACKOFF), Spawned(2, 8))
    state = play(*again, RootExited(2, 1, "the hub is down"), FamilyGone(2, 0))
    assert isinstance(state, Backoff)


def test_a_stop_beats_a_permanent_failure() -> None:
    refused = (Go(), Spawned(1, 7), RootExited(1, 2, "unrecognized arguments"))
    assert play(*refused, StopAsked("Ctrl-C"), FamilyGone(1, 0)) == Stopped(
        Exit.DONE, "stopped as asked"
    )


@pytest.mark.parametrize("events", [UP[:2], UP[:3], UP], ids=["starting", "warming", "ready"])
def test_a_killed_keeper_is_a_failure_of_the_engine(events: list[Input]) -> None:
    state = play(*events, FamilyGone(1, 3))
    assert isinstance(state, Backoff)
    assert play(*events, StopAsked("Ctrl-C"), FamilyGone(1, 0)) == Stopped(
        Exit.DONE, "stopped as asked"
    )


# late news

LATE: list[Input] = [
    Spawned(1, 99),
    SpawnRefused(1, "late"),
    PhaseReached(1, Phase.CANARY),
    HealthPassed(1),
    HealthFailed(1, "late"),
    CanaryPassed(1),
    CanaryFailed(1, "late"),
    RootExited(1, 0),
    FamilyGone(1, 0),
    OnlyRootLeft(1),
    *(Elapsed(1, timer) for timer in Timer),
]
SECOND = (*UP, *DEAD, Elapsed(1, Timer.BACKOFF))
SECONDS: dict[str, tuple[Input, ...]] = {
    "starting": SECOND,
    "warming": (*SECOND, Spawned(2, 8), HealthPassed(2)),
    "ready": (*SECOND, Spawned(2, 8), HealthPassed(2), CanaryPassed(2)),
    "stopping": (*SECOND, Spawned(2, 8), StopAsked("Ctrl-C")),
    "leaving": (*SECOND, Spawned(2, 8), RootExited(2, 1)),
    "backoff": (*SECOND, Spawned(2, 8), RootExited(2, 1), FamilyGone(2, 0)),
}


@pytest.mark.parametrize("where", SECONDS)
@pytest.mark.parametrize("late", LATE, ids=str)
def test_news_of_an_earlier_engine_changes_nothing(where: str, late: Input) -> None:
    state = play(*SECONDS[where])
    assert step(state, late, USUAL) == (state, ())


@pytest.mark.parametrize("late", [*LATE, StopAsked("Ctrl-C"), Go()], ids=str)
def test_nothing_changes_the_end(late: Input) -> None:
    ended = Stopped(Exit.GIVEN_UP, "boom")
    assert step(ended, late, USUAL) == (ended, ())


# any inputs at all

ATTEMPTS = st.integers(1, 4)
WORDS = st.sampled_from(["", "boom"])
INPUTS: st.SearchStrategy[Input] = st.one_of(
    st.just(Go()),
    st.builds(Spawned, ATTEMPTS, st.integers(2, 9)),
    st.builds(SpawnRefused, ATTEMPTS, WORDS),
    st.builds(PhaseReached, ATTEMPTS, st.sampled_from(Phase)),
    st.builds(HealthPassed, ATTEMPTS),
    st.builds(HealthFailed, ATTEMPTS, WORDS),
    st.builds(CanaryPassed, ATTEMPTS),
    st.builds(CanaryFailed, ATTEMPTS, WORDS),
    st.builds(
        RootExited, ATTEMPTS, st.sampled_from([0, 1, 2, -9, -15]), WORDS, may_pass=st.booleans()
    ),
    st.builds(FamilyGone, ATTEMPTS, st.integers(0, 2), left=st.just(0)),
    st.builds(OnlyRootLeft, ATTEMPTS),
    st.builds(StopAsked, st.just("Ctrl-C")),
    st.builds(Elapsed, ATTEMPTS, st.sampled_from(Timer)),
)
POLICIES = st.builds(
    Policy,
    restart=st.booleans(),
    max_restarts=st.integers(0, 3),
    window=st.just(600.0),
    backoff=st.sampled_from([0.0, 1.0]),
    startup_timeout=st.sampled_from([None, 60.0]),
    stop_grace=st.sampled_from([0.0, 30.0]),
)


@given(st.lists(INPUTS, max_size=60), POLICIES)
@settings(max_examples=400)
def test_no_order_of_inputs_starts_a_second_engine_or_loses_a_stop(
    events: list[Input], policy: Policy
) -> None:
    state: State = Idle()
    living: int | None = None  # the attempt that may have processes
    stopped = False
    for event in events:
        if isinstance(event, FamilyGone) and event.attempt == living:
            living = None
        heard = isinstance(state, Starting | Stopping)
        if isinstance(event, SpawnRefused) and event.attempt == living and heard:
            living = None
        before = state
        state, effects = step(state, event, policy)
        spawned = [effect.attempt for effect in effects if isinstance(effect, Spawn)]
        assert not (spawned and stopped), "started after a stop was asked for"
        for attempt in spawned:
            assert living is None, f"a second engine beside {living}"
            living = attempt
        stopped = stopped or isinstance(event, StopAsked)
        for effect in effects:
            if isinstance(effect, StartTimer):
                assert effect.attempt == getattr(state, "attempt", None)
                assert effect.seconds >= 0
        if isinstance(state, Warming | Ready | Degraded):
            assert state.pid >= 2
            assert living == state.attempt
        if isinstance(state, Stopped):
            assert living is None or isinstance(before, Stopped)


@dataclass
class World:
    """An operating system that answers, at its worst: it does only what it is forced to.

    ``deaf`` engines hear no signal that can be ignored; ``mute`` ones never answer over HTTP.
    """

    deaf: bool
    mute: bool
    crashes: bool
    timers: dict[Timer, StartTimer] = field(default_factory=dict)
    attempt: int = 0
    alive: bool = False

    def answers(self, effects: tuple[Effect, ...]) -> list[Input]:
        """What comes back at once."""
        back: list[Input] = []
        for effect in effects:
            match effect:
                case Spawn(attempt):
                    self.attempt, self.alive = attempt, True
                    back.append(Spawned(attempt, 1000 + attempt))
                    if self.crashes:
                        back += self.die(-11)
                    elif not self.mute:
                        back.append(HealthPassed(attempt))
                case AskCanary(attempt):
                    back.append(CanaryPassed(attempt))
                case StartTimer(timer=timer):
                    self.timers[timer] = effect
                case SignalRoot() if not self.deaf:
                    back += self.die(-15)
                case Sweep():
                    back += self.die(-9)
                case _:
                    pass
        return back

    def die(self, status: int) -> list[Input]:
        if not self.alive:
            return []
        self.alive = False
        return [RootExited(self.attempt, status), FamilyGone(self.attempt, 0)]

    def next_timer(self) -> Input | None:
        if not self.timers:
            return None
        soonest = min(self.timers, key=lambda timer: self.timers[timer].seconds)
        timer = self.timers.pop(soonest)
        return Elapsed(timer.attempt, soonest)


@given(
    st.lists(st.sampled_from(["stop", "timer", "unhealthy"]), max_size=12),
    POLICIES,
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=300)
def test_a_stop_ends_it_whatever_the_engine_does(
    wishes: list[str], policy: Policy, deaf: bool, mute: bool, crashes: bool
) -> None:
    world = World(deaf, mute, crashes)
    state, effects = step(Idle(), Go(), policy)
    queue = world.answers(effects)
    script = [*wishes, "stop"]
    for _ in range(400):
        if queue:
            event: Input | None = queue.pop(0)
        elif script:
            wish = script.pop(0)
            event = (
                StopAsked("Ctrl-C")
                if wish == "stop"
                else HealthFailed(world.attempt, "503")
                if wish == "unhealthy"
                else world.next_timer()
            )
        else:
            event = world.next_timer()
        if event is None:
            continue
        state, effects = step(state, event, policy)
        queue += world.answers(effects)
        if isinstance(state, Stopped) and not queue and not script:
            break
    assert isinstance(state, Stopped)
    assert not world.alive
