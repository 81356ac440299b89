"""What a profile and its surroundings say, seen from the other end: secrets, overrides, JSON."""

import json
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from mixvllm.testing.running import free_port
from tests.life.lives import Case, Life

SECRET = "sk-Zm9vYmFyCg-0123456789"


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A ready life with an API key, from a variable of the environment."""
    case = Case(
        tmp_path_factory.mktemp("keyed"), profile={"server": {"api_key": "${env:SERVING_KEY}"}}
    )
    with Life(case, env={"SERVING_KEY": SECRET}) as life:
        life.wait_state("ready")
        yield life
        life.send(signal.SIGTERM)
        assert life.wait_exit() == 0
        seen = "\n".join(life.lines())
        assert SECRET not in seen


def test_the_key_is_asked_for(keyed: Life) -> None:
    body = {"model": keyed.case.tag, "prompt": "1", "max_tokens": 1}
    assert keyed.request("POST", "/v1/completions", body).status == 401
    right = {"authorization": f"Bearer {SECRET}"}
    assert keyed.request("POST", "/v1/completions", body, headers=right).status == 200


def test_the_key_is_on_no_command_line(keyed: Life) -> None:
    looked = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            assert not any(SECRET in word for word in process.cmdline())
            looked += 1
    assert looked > 5
    engine = psutil.Process(keyed.wait_pid())
    assert engine.environ()["VLLM_API_KEY"] == SECRET


def test_the_key_is_in_no_file_and_on_no_screen(keyed: Life) -> None:
    files = [path for path in keyed.case.folder.rglob("*") if path.is_file()]
    assert keyed.case.run / "events.jsonl" in files
    for path in files:
        assert SECRET.encode() not in path.read_bytes(), path
    assert SECRET not in "\n".join(keyed.lines())


def option(command: list[str], name: str) -> str:
    """Its value, written either way."""
    place = next(at for at, word in enumerate(command) if word.partition("=")[0] == name)
    return command[place].partition("=")[2] or command[place + 1]


def test_overrides_from_the_environment_and_the_command_line(tmp_path: Path) -> None:
    case = Case(tmp_path)
    first, second = free_port(), free_port()
    env = {"MIXVLLM_SERVER__PORT": str(first), "MIXVLLM_INFERENCE__MAX_MODEL_LEN": "1234"}
    with Life(case, "--port", str(second), env=env) as life:
        life.wait_state("ready")
        life.port = second
        assert life.ask("who wins")["choices"]
        command = life.events("engine_spawned")[0]["command"]
        assert option(command, "--port") == str(second)
        assert option(command, "--max-model-len") == "1234"
        life.send(signal.SIGTERM)
        assert life.wait_exit() == 0


def test_everything_on_stdout_is_json_from_the_start_to_the_end(tmp_path: Path) -> None:
    case = Case(tmp_path, "flood=200@listen")
    with Life(case) as life:
        life.wait_state("ready")
        life.ask("one")
        life.wait_event("gauges_read")
        life.send(signal.SIGINT)
        assert life.wait_exit() == 0
        events = [json.loads(line) for line in life.lines("out")]
    kinds = {event["event"] for event in events}
    assert {
        "state_changed", "engine_spawned", "phase_entered", "fact_learned", "line_logged",
        "health_seen", "machine_sampled", "gauges_read", "engine_exited",
    } <= kinds  # fmt: skip
    times = [event["at"] for event in events]
    assert times == sorted(times)


def test_a_model_without_a_served_name_is_asked_for_by_its_own(tmp_path: Path) -> None:
    """Another server on the port would not do: ready means that this model answered."""
    case = Case(tmp_path, profile={"model": {"name": "Qwen/Qwen3-0.6B", "served_name": None}})
    with Life(case) as life:
        life.wait_state("ready")
        case.wait_logged('"POST /v1/completions HTTP/1.1" 200')
