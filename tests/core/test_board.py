from datetime import UTC, datetime

from mixvllm.core.board import HISTORY, TAIL_LINES, Board, PhaseTime, Run, fold, fold_all
from mixvllm.core.events import (
    CardSampled,
    EngineExited,
    EngineSpawned,
    Event,
    FactLearned,
    GaugesRead,
    HealthSeen,
    LineLogged,
    MachineSampled,
    Noted,
    OutputSkipped,
    PhaseEntered,
    PhaseProgressed,
    StateChanged,
)
from mixvllm.core.phases import Phase

RUN = Run("llama", "org/llama", "llama.yaml", "http://127.0.0.1:8000", "0.32.0", "engine.log")
SPAWNED = EngineSpawned(1.0, 42, 1, ("vllm",))


def board(*events: Event) -> Board:
    return fold_all(Board(RUN), events)


def test_a_phase_ends_where_the_next_begins() -> None:
    seen = board(SPAWNED, PhaseEntered(1.0, Phase.IMPORTS), PhaseEntered(12.0, Phase.WEIGHTS))
    assert seen.phases == (PhaseTime(Phase.IMPORTS, 1.0, 12.0), PhaseTime(Phase.WEIGHTS, 12.0))
    assert seen.phase is Phase.WEIGHTS


def test_a_phase_that_is_over_does_not_come_back() -> None:
    before = board(PhaseEntered(1.0, Phase.WARMUP))
    assert fold(before, PhaseEntered(2.0, Phase.WEIGHTS)).phases is before.phases


def test_ready_closes_the_last_phase_and_late_news_of_phases_is_dropped() -> None:
    seen = board(
        SPAWNED,
        PhaseEntered(1.0, Phase.SERVING),
        StateChanged(9.0, "ready", ""),
        PhaseEntered(9.5, Phase.CANARY),
    )
    assert seen.phases == (PhaseTime(Phase.SERVING, 1.0, 9.0),)
    assert seen.phase is None
    assert seen.start_seconds == 8.0


def test_an_exit_ends_the_phase_in_which_it_came() -> None:
    seen = board(
        SPAWNED, PhaseEntered(1.0, Phase.WEIGHTS), EngineExited(7.0, -9, asked=False, killed=2)
    )
    assert seen.phases == (PhaseTime(Phase.WEIGHTS, 1.0, 7.0),)
    assert (seen.pid, seen.exit_status, seen.exit_asked, seen.killed) == (None, -9, False, 2)
    assert seen.start_seconds is None


def test_what_was_read_of_an_engine_is_gone_with_it() -> None:
    card = CardSampled(0, "H100", 1, 2, 3, 4, 5.0, 6.0)
    alive = board(
        SPAWNED, HealthSeen(2.0, False, "no answer"), GaugesRead(2.0), MachineSampled(2.0, (card,))
    )
    assert (alive.healthy, alive.health_detail, alive.cards) == (False, "no answer", (card,))
    dead = fold(alive, EngineExited(3.0, 1, asked=True, killed=0))
    assert (dead.healthy, dead.health_detail, dead.gauges) == (None, "", None)
    assert (dead.machine, dead.cards) == (None, ())


def test_a_new_attempt_begins_with_nothing() -> None:
    seen = board(
        SPAWNED,
        PhaseEntered(1.0, Phase.WEIGHTS),
        PhaseProgressed(2.0, Phase.WEIGHTS, 1, 3),
        EngineExited(3.0, 1, asked=False, killed=1),
        EngineSpawned(5.0, 43, 2, ("vllm",)),
    )
    assert (seen.phases, seen.progress, seen.exit_status, seen.killed) == ((), None, None, 0)
    assert seen.restarts == 1


def test_progress_of_another_phase_is_not_taken_for_this_one() -> None:
    seen = board(PhaseEntered(1.0, Phase.WARMUP), PhaseProgressed(2.0, Phase.WEIGHTS, 1, 3))
    assert seen.progress is None


def test_the_time_left_follows_the_pace_so_far() -> None:
    seen = board(PhaseEntered(10.0, Phase.WEIGHTS), PhaseProgressed(22.0, Phase.WEIGHTS, 12, 30))
    assert seen.seconds_left(22.0) == 18.0
    assert seen.seconds_left(30.0) == 10.0
    assert seen.seconds_left(41.0) is None  # it takes longer than foreseen: nothing is claimed
    assert fold(seen, PhaseProgressed(23.0, Phase.WEIGHTS, 30, 30)).seconds_left(23.0) is None


def test_no_time_left_is_told_before_anything_is_done() -> None:
    seen = board(PhaseEntered(10.0, Phase.WEIGHTS))
    assert seen.seconds_left(12.0) is None
    assert fold(seen, PhaseProgressed(12.0, Phase.WEIGHTS, 0, 30)).seconds_left(13.0) is None


def test_time_served_is_summed_over_restarts_and_without_what_was_degraded() -> None:
    seen = board(
        SPAWNED,
        StateChanged(10.0, "ready", ""),
        StateChanged(40.0, "degraded", "no answer"),
        StateChanged(50.0, "ready", ""),
        StateChanged(60.0, "backoff", "died"),
        StateChanged(100.0, "ready", ""),
        StateChanged(110.0, "draining", ""),
    )
    assert seen.served_seconds(120.0) == 30 + 10 + 20
    assert fold(seen, StateChanged(120.0, "stopped", "")).served_seconds(500.0) == 60.0


def test_the_tail_and_the_histories_are_bounded_and_keep_their_times() -> None:
    seen = board(
        *(LineLogged(float(n), f"line {n}") for n in range(TAIL_LINES + 5)),
        *(
            GaugesRead(1000.0 + n, generation_tokens_per_second=float(n))
            for n in range(HISTORY + 5)
        ),
        *(MachineSampled(2000.0 + n, engine_cpu_percent=float(n)) for n in range(HISTORY + 5)),
    )
    assert (len(seen.tail), len(seen.tail_times), seen.lines) == (
        TAIL_LINES,
        TAIL_LINES,
        TAIL_LINES + 5,
    )
    assert (seen.tail[0], seen.tail_times[0]) == ("line 5", 5.0)
    assert (seen.rates[0], seen.rate_times[0]) == (5.0, 1005.0)
    assert (seen.load[-1], seen.load_times[-1]) == (HISTORY + 4.0, 2000.0 + HISTORY + 4)


def test_what_cannot_be_said_leaves_no_sample() -> None:
    dumb = CardSampled(0, "H100", None, None, None, None, None, None)
    seen = board(GaugesRead(1.0), MachineSampled(1.0, (dumb,)))
    assert (seen.rates, seen.load) == ((), ())


def test_facts_skipped_lines_and_notes() -> None:
    seen = board(
        FactLearned(1.0, "kv_tokens", "1"),
        FactLearned(2.0, "kv_tokens", "2"),
        OutputSkipped(3.0, 4, "slow"),
        OutputSkipped(3.0, 5, "slow"),
        *(Noted(4.0, str(n)) for n in range(10)),
    )
    assert seen.facts == (("kv_tokens", "2"),)
    assert seen.lines_skipped == 9
    assert seen.notes == tuple(str(n) for n in range(2, 10))
    assert seen.last == 4.0


def test_wall_time_is_known_only_when_the_beginning_is() -> None:
    assert RUN.wall(3.0) is None
    begun = Run("a", "b", "c", "d", None, "e", began=datetime(2026, 11, 22, 9, 0, tzinfo=UTC))
    assert begun.wall(61.5) == datetime(2026, 11, 22, 9, 1, 1, 500_000, tzinfo=UTC)
