"""kill -9 of every process of a run, in several phases: nothing is left, and it goes on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.life.lives import FAKE, Case, Life, eventually

PHASES = {
    # the fault that makes the first engine sit there, and what its log shows then
    "imports": ("hang@imports", ""),
    "weights": ("hang@weights", "VllmWorker-0"),
    "ready": ("", "Application startup complete"),
}
ENGINE = [  # who is killed, in which phase
    ("APIServer", "imports"),
    ("APIServer", "weights"),
    ("EngineCore", "weights"),
    ("Worker", "weights"),
    ("APIServer", "ready"),
    ("EngineCore", "ready"),
    ("Worker", "ready"),
]


@dataclass(frozen=True)
class Victim:
    """Who was killed, and the first engine's root."""

    life: Life
    pid: int
    root: int


def reach(life: Life, phase: str) -> int:
    """Wait until a life sits in a phase; the pid of its API server."""
    root = life.wait_pid()
    engine = psutil.Process(root)
    eventually(lambda: FAKE[-1] in engine.cmdline(), "the engine behind its script")
    shows = PHASES[phase][1]
    life.case.wait_logged(shows)
    if phase == "ready":
        life.wait_state("ready")
    return root


def case(folder: Path, phase: str) -> Case:
    return Case(folder, PHASES[phase][0], once=True)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Victim]]:
    """A life for each of the table, all at once, its victim killed."""
    folder = tmp_path_factory.mktemp("killed")
    lives = {(who, phase): Life(case(folder, phase)) for who, phase in ENGINE}
    victims = {}
    for (who, phase), life in lives.items():
        root = reach(life, phase)
        pid = root if who == "APIServer" else life.case.pid(who)
        life.kill(pid)
        victims[who, phase] = Victim(life, pid, root)
    yield victims
    for life in lives.values():
        life.__exit__()


@pytest.mark.parametrize(("who", "phase"), ENGINE)
def test_an_engine_that_lost_a_process_is_cleared_away_and_started_again(
    killed: dict[tuple[str, str], Victim], who: str, phase: str
) -> None:
    victim = killed[who, phase]
    life = victim.life
    life.wait_state("ready", times=2 if phase == "ready" else 1)
    first = life.events("engine_exited")[0]
    assert first["asked"] is False
    assert life.wait_pid(attempt=2) != victim.root
    keeper = life.keeper()
    left = {process.pid: process for process in life.case.tagged()}
    assert {victim.pid, victim.root}.isdisjoint(left)
    # Everybody who lives belongs to the second engine, or is the supervisor or its keeper.
    ours = {life.process.pid, keeper, life.wait_pid(attempt=2)}
    assert len(left) == len(ours) + 3  # tracker, EngineCore, Worker
    assert ours < set(left)
    reason = life.wait_state("backoff")
    if who == "APIServer":
        assert reason.startswith("vLLM was killed by signal 9")
    elif phase == "ready":
        assert reason.startswith("vLLM exited with 0")  # what vLLM does then
    else:
        assert reason.startswith("vLLM exited with 1 during")
    assert reason.endswith("try 1 of 2 in 0.1 s")


def test_a_second_engine_is_started_only_when_the_first_is_gone(
    killed: dict[tuple[str, str], Victim],
) -> None:
    for victim in killed.values():
        victim.life.wait_pid(attempt=2)
        (exited,) = victim.life.events("engine_exited")
        spawned = victim.life.wait_event("engine_spawned", attempt=2)
        assert exited["at"] < spawned["at"]


@pytest.mark.parametrize("phase", PHASES)
def test_nothing_outlives_a_killed_supervisor(tmp_path: Path, phase: str) -> None:
    with Life(case(tmp_path, phase)) as life:
        reach(life, phase)
        life.kill(life.process.pid)
        life.wait_exit()
        life.case.wait_nothing_left()
        assert "[mixvllm: the supervisor is gone; ending vLLM]" in life.case.log()


@pytest.mark.parametrize("phase", PHASES)
def test_a_killed_keeper_costs_one_engine(tmp_path: Path, phase: str) -> None:
    with Life(case(tmp_path, phase)) as life:
        root = reach(life, phase)
        keeper = life.keeper()
        life.kill(keeper)
        life.wait_event("noted")
        life.wait_state("ready", times=2 if phase == "ready" else 1)
        assert life.wait_pid(attempt=2) != root
        assert not {keeper, root} & {process.pid for process in life.case.tagged()}
        assert "keeper" in life.events("noted")[0]["text"]
        assert life.ask("well again")["choices"]


def test_keeper_and_supervisor_killed_together_leave_an_engine_that_ends(tmp_path: Path) -> None:
    """The parent-death signal of the API server is what is left then; vLLM obeys it when ready."""
    with Life(case(tmp_path, "ready")) as life:
        reach(life, "ready")
        keeper = life.keeper()
        life.kill(life.process.pid)
        life.kill(keeper)
        life.wait_exit()
        life.case.wait_nothing_left()
