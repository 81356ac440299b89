"""The toolkit's own endpoint of a run: asked over HTTP while the fake engine lives and dies."""

import http.client
import json
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mixvllm.testing.running import Answer, free_port
from tests.gpu.nvml import playing
from tests.life.fresh_cards import fresh_uuids, named_so
from tests.life.lives import Case, Life, eventually


def ask(port: int, path: str, **headers: str) -> Answer:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.headers), answer.read().decode())


def case_with(folder: Path, fault: str = "", **ops: object) -> tuple[Case, int]:
    port = free_port()
    return Case(folder, fault, profile={"ops": {"enabled": True, "port": port, **ops}}), port


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Life, int]]:
    case, port = case_with(tmp_path_factory.mktemp("ops"))
    with Life(case) as life:
        life.wait_state("ready")
        yield life, port
        life.send(signal.SIGTERM)
        life.wait_exit()


def test_it_says_that_it_is_ready(ready: tuple[Life, int]) -> None:
    for page in ("/healthz", "/readyz", "/startupz"):
        assert ask(ready[1], page).status == 200, page
    assert ask(ready[1], "/readyz").json() == {
        "ready": True,
        "state": "ready",
        "phase": None,
        "reason": None,
    }


def test_its_status(ready: tuple[Life, int]) -> None:
    life, port = ready
    document = ask(port, "/status").json()
    assert document["format_version"] == 1
    instances = document["instances"]
    assert isinstance(instances, list)
    (instance,) = instances
    assert instance["name"] == life.case.tag
    assert (instance["state"], instance["restarts"]) == ("ready", 0)
    assert instance["pid"] == life.process.pid
    assert instance["engine_pid"] != life.process.pid
    assert instance["url"] == f"http://127.0.0.1:{life.case.port}"


def test_its_metrics(ready: tuple[Life, int]) -> None:
    answer = ask(ready[1], "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    values = {
        family.name: family.samples[0].value
        for family in text_string_to_metric_families(answer.body)
    }
    assert values["mixvllm_ready"] == 1
    assert values["mixvllm_start_seconds"] > 0


def test_other_paths_say_what_there_is(ready: tuple[Life, int]) -> None:
    answer = ask(ready[1], "/nothing")
    assert answer.status == 404
    assert "/readyz" in str(answer.json()["error"])


def test_a_page_that_calls_it_by_another_name_is_refused(ready: tuple[Life, int]) -> None:
    assert ask(ready[1], "/status", Host="evil.example").status == 421
    assert ask(ready[1], "/status", Host="localhost").status == 200


def test_while_it_starts_the_phase_is_told(tmp_path: Path) -> None:
    case, port = case_with(tmp_path, "hang@warm-up")
    with Life(case) as life:
        life.wait_event("phase_entered", phase="weights")
        answer = eventually(
            lambda: (found := ask(port, "/readyz")).json()["phase"] == "weights" and found,
            "the phase of the endpoint",
        )
        assert isinstance(answer, Answer)
        assert answer.status == 503
        assert ask(port, "/startupz").status == 503
        assert ask(port, "/healthz").status == 200


def test_a_token_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    (tmp_path / "token").chmod(0o600)
    case, port = case_with(tmp_path, token_file=str(tmp_path / "token"))
    with Life(case) as life:
        life.wait_state("ready")
        assert ask(port, "/metrics").status == 401
        assert ask(port, "/metrics", Authorization="Bearer wrong").status == 401
        assert ask(port, "/metrics", Authorization="Bearer s3cret").status == 200
        assert "s3cret" not in json.dumps(life.events("noted"))


def test_a_port_that_was_asked_for_and_is_taken_refuses_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        case = Case(tmp_path, profile={"ops": {"enabled": True, "port": port}})
        with Life(case) as life:
            assert life.wait_exit() == 3
            assert f"port {port}" in "\n".join(life.lines("err"))
            assert "--set ops.port=" in "\n".join(life.lines("err"))


def test_the_cards_are_told_whatever_the_engine_does(tmp_path: Path) -> None:
    stage = playing.Stage(playing.build(tmp_path), tmp_path)
    case, port = case_with(tmp_path, "hang@imports")
    with fresh_uuids(2) as uuids:
        stage.play("two-h100", *named_so(uuids))
        with Life(case, env=stage.environment()) as life:
            life.wait_pid()
            answer = ask(port, "/metrics")
    found = {
        (sample.name, sample.labels.get("gpu")): sample.value
        for family in text_string_to_metric_families(answer.body)
        for sample in family.samples
    }
    assert found["mixvllm_gpu_gpu_util", "0"] == 97
    assert found["mixvllm_gpu_gpu_temp", "1"] == 34
    assert found["mixvllm_ready", None] == 0
