"""The toolkit's own endpoint of a run: asked over HTTP while the fake engine lives and dies."""

import http.client
import json
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from mixvllm.testing.running import Answer, free_port
from tests.gpu.nvml import playing
from tests.life.fresh_cards import fresh_uuids, named_so
from tests.life.lives import LIMIT, Case, Life, eventually


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


def test_only_get_and_head(ready: tuple[Life, int]) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", ready[1], timeout=5)) as connection:
        connection.request("POST", "/metrics", b"hello")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
        assert json.loads(answer.read()) == {"error": "Method Not Allowed"}
        connection.request("HEAD", "/metrics")
        assert connection.getresponse().status == 200


def test_a_probe_never_gets_a_304(ready: tuple[Life, int]) -> None:
    assert ask(ready[1], "/readyz", **{"If-None-Match": "*"}).status == 200


def test_idle_connections_take_neither_its_descriptors_nor_its_answers(
    ready: tuple[Life, int],
) -> None:
    life, port = ready
    supervisor = psutil.Process(life.process.pid)
    before = supervisor.num_fds()
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            for _ in range(600)
        ]
        assert ask(port, "/healthz").status == 200
        assert supervisor.num_fds() < before + 300
        assert clients[0].recv(1) == b""  # the oldest made way
        clients[-1].sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert clients[-1].recv(12) == b"HTTP/1.1 200"
    assert life.lines("err") == []


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
    (tmp_path / "token").write_text("s3crét\n", encoding="utf-8")
    (tmp_path / "token").chmod(0o600)
    token = "s3crét".encode().decode("latin-1")  # as http.client sends UTF-8
    case, port = case_with(tmp_path, token_file=str(tmp_path / "token"))
    with Life(case) as life:
        life.wait_state("ready")
        assert ask(port, "/metrics").status == 401
        assert ask(port, "/metrics", Authorization="Bearer wrong").status == 401
        assert ask(port, "/metrics", Authorization=f"Bearer {token}").status == 200
        assert ask(port, "/metrics", Authorization=f"Basic {token}").status == 401
        # Whoever has it may call the machine by any name.
        assert ask(port, "/status", Authorization=f"Bearer {token}", Host="box").status == 200
        assert ask(port, "/status", Host="box").status == 401
        assert "s3cr" not in "\n".join(life.lines())
        assert not any("s3cr" in word for one in case.tagged() for word in one.cmdline())


def test_a_port_that_was_asked_for_and_is_taken_refuses_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        case = Case(tmp_path, profile={"ops": {"enabled": True, "port": port}})
        with Life(case) as life:
            assert life.wait_exit() == 3
            assert f"port {port}" in "\n".join(life.lines("err"))
            assert "--set ops.port=" in "\n".join(life.lines("err"))


def test_vllm_may_have_the_port_that_nobody_asked_for(tmp_path: Path) -> None:
    case = Case(tmp_path, profile={"ops": {"enabled": True}, "server": {"port": 8001}})
    with Life(case, text=True) as life:
        told = life.wait_for("ops: no endpoint|is taken by", limit=LIMIT).text
    if "is taken by" not in told:  # by somebody else on this machine
        assert "server.port is 8001; set ops.port to another" in told


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


def test_cards_that_are_silent_delay_nobody(tmp_path: Path) -> None:
    """However many ask, they wait for one look of a second; and the end waits for none of them."""
    stage = playing.Stage(playing.build(tmp_path), tmp_path)
    case, port = case_with(tmp_path)
    with fresh_uuids(2) as uuids, ThreadPoolExecutor(40) as clients:
        stage.play("two-h100", *named_so(uuids))
        with Life(case, env=stage.environment()) as life:
            life.wait_state("ready")
            ask(port, "/metrics")
            for process in psutil.Process(life.process.pid).children():
                if any("gpu.collector" in word for word in process.cmdline()):
                    process.suspend()
            began = time.monotonic()
            answers = clients.map(lambda _: ask(port, "/metrics"), range(40))
            assert {answer.status for answer in answers} == {200}
            assert time.monotonic() - began < 3.0
            asking = socket.create_connection(("127.0.0.1", port))
            with asking:
                asking.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
                life.send(signal.SIGTERM)
                assert life.wait_exit() == 0
