"""Engines that fail: at once, again and again, silently, and for good."""

import json
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.life.lives import Case, Life, eventually

ONE_MORE: Mapping[str, Mapping[str, object]] = {
    "supervisor": {"restart": {"backoff": 0.05, "max_restarts": 1}}
}


@dataclass(frozen=True)
class Failing:
    """A fault, and how the command ends because of it."""

    fault: str
    code: int
    attempts: int
    says: str
    profile: Mapping[str, Mapping[str, object]] = field(default_factory=lambda: ONE_MORE)


FAILING = {
    "refused arguments": Failing(
        "crash@args", 4, 1, "unrecognized arguments: --no-such-flag; trying again would not help"
    ),
    "2 without a word": Failing("exit=2@imports", 4, 1, "vLLM exited with 2 during imports"),
    "1 without a word": Failing("exit=1@imports", 4, 1, "vLLM exited with 1 during imports"),
    "refused settings": Failing(
        "crash@config", 4, 1, "VllmConfig: Total number of attention heads (9) must be divisible"
    ),
    "0 at once": Failing(
        "exit0@imports", 5, 2, "vLLM exited with 0 during imports, and nobody had asked"
    ),
    "no memory": Failing("oom@memory", 5, 2, "CUDA out of memory. Tried to allocate 3.50 GiB."),
    "no weights": Failing("crash@weights", 5, 2, "Cannot find any model weights with"),
    "killed in imports": Failing(
        "signal=KILL@imports", 5, 2, "vLLM was killed by signal 9 during imports"
    ),
    "segfault": Failing("signal=SEGV@listen", 5, 2, "vLLM was killed by signal 11 during serving"),
    "engine dies in silence": Failing("exit=1@spawn", 5, 2, "vLLM exited with 1 during engine"),
    "policy never": Failing(
        "exit0@ready",
        5,
        1,
        "and nobody had asked; supervisor.restart.policy is never",
        {"supervisor": {"restart": {"policy": "never"}}},
    ),
    "start takes too long": Failing(
        "hang@imports",
        5,
        2,
        "not ready after 1.5 s; 2 failures in a row",
        {"supervisor": {"startup_timeout": 1.5, **ONE_MORE["supervisor"]}},
    ),
}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Life]]:
    """A life for each failure, all at once."""
    folder = tmp_path_factory.mktemp("failing")
    lives = {
        name: Life(Case(folder, failing.fault, profile=failing.profile))
        for name, failing in FAILING.items()
    }
    yield lives
    for life in lives.values():
        life.__exit__()


@pytest.mark.parametrize("name", FAILING)
def test_a_failure_ends_as_it_must(ended: dict[str, Life], name: str) -> None:
    failing, life = FAILING[name], ended[name]
    assert life.wait_exit() == failing.code
    said, where = life.lines("err")
    assert said.startswith("error: ")
    assert failing.says in said
    assert where == f"  vLLM's output: {life.case.run / 'vllm.log'}"
    assert len(life.events("engine_spawned")) == failing.attempts
    assert len(life.events("state_changed", state="backoff")) == failing.attempts - 1
    assert life.states()[-1] == "failed"
    assert life.case.tagged() == []


def test_every_line_of_a_run_that_failed_is_json_too(ended: dict[str, Life]) -> None:
    life = ended["no memory"]
    life.wait_exit()
    for line in life.lines("out"):
        event = json.loads(line)
        assert event["format_version"] == 1
        assert event["run"] == life.case.tag


def test_an_engine_that_fails_once_serves_again(tmp_path: Path) -> None:
    with Life(Case(tmp_path, "exit0=0.5@ready", once=True)) as life:
        life.wait_pid(attempt=2)
        eventually(lambda: life.states()[-1] == "ready", "the second engine")
        assert life.ask("again")["choices"]
        life.send(signal.SIGTERM)
        assert life.wait_exit() == 0
        assert life.case.tagged() == []


def test_an_engine_that_was_ready_and_answers_no_more_is_degraded(tmp_path: Path) -> None:
    """VLLM_KEEP_ALIVE_ON_ENGINE_DEATH: the API server stays, and /health says 503."""
    stays = {"vllm": {"env": {"VLLM_KEEP_ALIVE_ON_ENGINE_DEATH": "1"}}}
    with Life(Case(tmp_path, profile=stays)) as life:
        life.wait_state("ready")
        life.kill(life.case.pid("EngineCore"))
        assert life.wait_state("degraded") == "503"
        assert life.events("health_seen")[-1]["healthy"] is False
        life.send(signal.SIGTERM)
        assert life.wait_exit() == 0
        assert life.states()[-3:] == ["degraded", "stopping", "stopped"]


def test_a_failed_start_does_not_wait_for_its_own_canary(tmp_path: Path) -> None:
    with Life(Case(tmp_path, "stalled@ready", once=True)) as life:
        life.wait_state("warming")
        life.kill(life.wait_pid())
        life.wait_state("ready")
        assert len(life.events("engine_spawned")) == 2
