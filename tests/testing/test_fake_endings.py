"""How the fake engine ends: every signal and death that was measured on a real vLLM 0.32.0."""

import http.client
import json
import re
import signal
import time
from pathlib import Path

import psutil
import pytest

from mixvllm.testing.running import READY, Running, fake_vllm

LOGS = Path(__file__).parent.parent / "data" / "logs"
LONG = {"prompt": "go on", "max_tokens": 400, "ignore_eos": True, "stream": True}
DEAD = "EngineCore encountered an issue. See stack trace (above) for the root cause."
FAILED = "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc"


def slow(seconds: float) -> dict[str, str]:
    """An environment in which LONG takes that long."""
    return {"FAKE_VLLM_TOKENS_PER_SECOND": str(LONG["max_tokens"] / seconds)}  # type: ignore[operator]


def status(engine: Running, path: str = "/health") -> int | None:
    """The status of a GET now; None when the connection is refused or cut."""
    try:
        return engine.request("GET", path).status
    except ConnectionError:
        return None


def until_status(engine: Running, wanted: int | None, *, limit: float = 10.0) -> None:
    ends = time.monotonic() + limit
    while (found := status(engine)) != wanted:
        assert time.monotonic() < ends, f"/health is still {found}, not {wanted}"


def rest(response: http.client.HTTPResponse) -> list[str]:
    """The events of a stream, to its end."""
    return re.findall(r"^data: (.*)$", response.read().decode(), flags=re.MULTILINE)


# a start


def test_sigterm_during_the_imports_kills_at_once() -> None:
    with fake_vllm(speed=8) as engine:
        engine.wait_for("Triton is installed")  # 1.2 s; the handler comes at 1.5 s
        engine.send(signal.SIGTERM)
        assert engine.wait_exit() == -signal.SIGTERM
        assert engine.lines("out") == []


def test_sigterm_during_a_start_is_lost() -> None:
    faults = "slow=0.1@spawn,slow=0.1@workers,slow=0.1@weights"
    with fake_vllm("--fake-fault", faults) as engine:
        for sign in ("Resolved architecture", "DP group leader", "VllmWorker-0"):
            engine.wait_for(sign)
            engine.send(signal.SIGTERM)
        engine.wait_for(READY)
        assert status(engine) == 200
        engine.send(signal.SIGTERM)  # the next one is heard
        assert engine.wait_exit() == 0


def test_sigint_during_the_weights_ends_the_start_with_1() -> None:
    with fake_vllm("--fake-fault", "slow=0.3@weights") as engine:
        engine.wait_for("VllmWorker-0")
        engine.send(signal.SIGINT)
        assert engine.wait_exit() == 1
        engine.wait_for("^KeyboardInterrupt$", stream="err")
        engine.wait_for("init engine")  # but not before the engine was up (run i6b)
        engine.wait_gone()


@pytest.mark.parametrize(
    ("sign", "phase"),
    [("Using max model", "spawn"), ("DP group leader", "workers"), ("VllmWorker-0", "weights")],
)
def test_kill_9_of_the_engine_during_a_start_is_exit_1(sign: str, phase: str) -> None:
    with fake_vllm("--fake-fault", f"slow=0.3@{phase}") as engine:
        engine.wait_for(sign)
        ends = time.monotonic() + 10
        while not (cores := psutil.Process(engine.process.pid).children())[1:]:
            assert time.monotonic() < ends
        core = max(child.pid for child in cores)  # the tracker was first
        engine.send(signal.SIGKILL, to=core)
        assert engine.wait_exit() == 1
        assert engine.wait_for(FAILED, stream="err").text.endswith("(s): {}")
        engine.wait_gone()  # the worker too, when it has loaded for nothing
        if phase == "weights":
            engine.wait_for(r"^\(Worker pid=\d+\) ERROR .* BrokenPipeError: \[Errno 32\]")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_an_orphan_finishes_its_start_and_stays(number: signal.Signals) -> None:
    with fake_vllm("--fake-fault", "slow=0.3@weights") as engine:
        engine.wait_for("VllmWorker-0")
        engine.send(number)
        assert engine.wait_exit() == -number
        engine.wait_for("init engine")
        core, worker = engine.pid("EngineCore"), engine.pid("Worker")
        assert {core, worker} <= {process.pid for process in engine.family()}
        engine.send(signal.SIGTERM, to=core)
        engine.wait_gone(core, worker)
        engine.wait_gone()


# ready


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_the_death_of_the_api_server_leaves_orphans_until_they_are_told(
    number: signal.Signals,
) -> None:
    with fake_vllm() as engine:
        engine.wait_for(READY)
        core, worker = engine.pid("EngineCore"), engine.pid("Worker")
        engine.send(number)
        assert engine.wait_exit() == -number
        assert status(engine) is None
        with pytest.raises(TimeoutError):
            engine.wait_gone(core, limit=0.4)  # 160 s of a real one at this speed
        assert psutil.pid_exists(worker)
        engine.send(signal.SIGTERM, to=core)
        engine.wait_gone(core, worker)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_when_ready_exits_0_and_leaves_nothing(number: signal.Signals) -> None:
    with fake_vllm() as engine:
        engine.wait_for(READY)
        engine.send(number)
        assert engine.wait_exit() == 0
        engine.wait_gone()
        recorded = (LOGS / "E_startup.log").read_text()
        said = re.compile(r"\[shutdown\] [\w ]+: [a-z]+ [a-z]+")
        for stop in ("err", "out"):
            for text in engine.lines(stop):
                if found := said.search(text):
                    assert found[0] in recorded
        engine.wait_for("Application shutdown complete", stream="err")
        engine.wait_for("resource_tracker: There appear to be", stream="err")


def test_a_stop_cuts_streams_with_an_error_under_200_and_the_others_with_500() -> None:
    with fake_vllm(env=slow(60)) as engine:
        engine.wait_for(READY)
        whole = {**LONG, "stream": False}
        with engine.open("POST", "/v1/completions", LONG) as stream:
            assert stream.status == 200
            stream.readline()
            connection = http.client.HTTPConnection("127.0.0.1", engine.port, timeout=10)
            head = {"content-type": "application/json"}
            connection.request("POST", "/v1/completions", json.dumps(whole), head)
            _until_running(engine, 2)
            engine.send(signal.SIGTERM)
            *_, error, done = rest(stream)
            assert json.loads(error)["error"] == {
                "message": DEAD,
                "type": "InternalServerError",
                "param": None,
                "code": 500,
            }
            assert done == "[DONE]"
            answer = connection.getresponse()
            assert (answer.status, json.loads(answer.read())) == (500, json.loads(error))
            connection.close()
        assert engine.wait_exit() == 0
        engine.wait_for("aborting in-flight requests count=2")
        engine.wait_for(r"ERROR .* vllm\.v1\.engine\.exceptions\.EngineDeadError", stream="out")


def _until_running(engine: Running, count: int) -> None:
    ends = time.monotonic() + 10
    wanted = re.compile(rf"^vllm:num_requests_running{{.*}} {count}\.0$", re.MULTILINE)
    while not wanted.search(engine.request("GET", "/metrics").body):
        assert time.monotonic() < ends


def test_a_drain_lets_streams_finish_and_looks_healthy_from_outside() -> None:
    with fake_vllm("--shutdown-timeout", "60", env=slow(0.8)) as engine:
        engine.wait_for(READY)
        with engine.open("POST", "/v1/completions", LONG) as stream:
            stream.readline()
            engine.send(signal.SIGTERM)
            engine.wait_for("EngineCore: draining in-flight requests count=1 timeout=60s")
            assert status(engine) == status(engine, "/v1/models") == 200
            refused = engine.request("POST", "/v1/completions", LONG)
            assert refused.status == 500
            assert "cannot schedule new futures after shutdown" in refused.body
            engine.wait_for("Exception in ASGI application", stream="err")
            events = rest(stream)
        assert events[-1] == "[DONE]"
        assert json.loads(events[-2])["choices"][0]["finish_reason"] == "length"
        assert len(events) == 400
        assert engine.wait_exit() == 0
        engine.wait_for("Executor: all workers exited gracefully")


def test_a_drain_ends_when_its_time_is_up() -> None:
    with fake_vllm("--shutdown-timeout=1", env=slow(60)) as engine:
        engine.wait_for(READY)
        with engine.open("POST", "/v1/completions", LONG) as stream:
            stream.readline()
            engine.send(signal.SIGTERM)
            asked = time.monotonic()
            assert DEAD in rest(stream)[-2]
            assert time.monotonic() - asked >= 0.95  # seconds of the operator are not scaled
        assert engine.wait_exit() == 0
        engine.wait_gone()


@pytest.mark.parametrize("name", ["EngineCore", "Worker"])
def test_kill_9_of_a_part_is_503_then_refused_then_exit_0(name: str) -> None:
    with fake_vllm(env={"FAKE_VLLM_STOP_SPEED": "10"}) as engine:
        engine.wait_for(READY)
        worker = engine.pid("Worker")
        with engine.open("POST", "/v1/completions", {**LONG, "max_tokens": 4000}) as stream:
            stream.readline()
            engine.send(signal.SIGKILL, to=engine.pid(name))
            until_status(engine, 503)
            assert status(engine, "/metrics") == status(engine, "/v1/models") == 200
            assert engine.request("POST", "/v1/completions", LONG).status == 500
            assert DEAD in rest(stream)[-2]
        until_status(engine, None)
        assert engine.wait_exit() == 0
        engine.wait_gone(worker)
        engine.wait_for("Finished server process", stream="err")
        if name == "Worker":
            engine.wait_for("Worker proc VllmWorker-0 died unexpectedly")
        else:
            engine.wait_for("MPClient: engine core exited unexpectedly; starting cleanup")


def test_after_kill_9_of_the_engine_the_log_says_what_the_recording_says() -> None:
    recording = (LOGS / "03_kill9_enginecore.ts.log").read_text()
    recorded = recording.partition("SIGKILL EngineCore")[2]
    with fake_vllm() as engine:
        engine.wait_for(READY)
        engine.send(signal.SIGKILL, to=engine.pid("EngineCore"))
        assert engine.wait_exit() == 0
        engine.wait_gone()
        lines = engine.lines("out")
    begins = next(at for at, text in enumerate(lines) if "exited unexpectedly" in text)
    said = {text.partition("] ")[2] for text in lines[begins:]}
    assert len(said) >= 8
    code = re.compile(r"\s+await get_output_async\(\)")  # the frame is shortened
    assert [text for text in said if text not in recorded and not code.match(text)] == []


def test_an_engine_that_died_may_be_kept_for_the_autopsy() -> None:
    with fake_vllm(env={"VLLM_KEEP_ALIVE_ON_ENGINE_DEATH": "1"}) as engine:
        engine.wait_for(READY)
        engine.send(signal.SIGKILL, to=engine.pid("EngineCore"))
        until_status(engine, 503)
        with pytest.raises(TimeoutError):
            engine.wait_gone(engine.process.pid, limit=0.3)  # the watchdog looks every 12 ms
        assert status(engine) == 503
        engine.send(signal.SIGTERM)
        assert engine.wait_exit() == 0


def test_a_stopped_engine_looks_healthy_makes_no_token_and_blocks_the_exit() -> None:
    with fake_vllm(env=slow(60)) as engine:
        engine.wait_for(READY)
        core = engine.pid("EngineCore")
        with engine.open("POST", "/v1/completions", LONG) as stream:
            stream.readline()
            engine.send(signal.SIGSTOP, to=core)
            assert status(engine) == 200
            _until_running(engine, 1)  # for ever
            with pytest.raises(TimeoutError):
                engine.request("POST", "/v1/completions", {**LONG, "stream": False}, limit=0.3)
            engine.send(signal.SIGTERM)
            engine.wait_for("Waiting for connections to close", stream="err")
            engine.wait_gone(core)
            engine.send(signal.SIGTERM)  # a second one is ignored
            with pytest.raises(TimeoutError):
                engine.wait_gone(engine.process.pid, limit=0.3)
        assert engine.wait_exit() == 0  # the client has gone


def test_a_stopped_worker_is_found_after_the_time_of_a_step() -> None:
    env = {**slow(60), "VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS": "0.3"}
    with fake_vllm(env=env) as engine:
        engine.wait_for(READY)
        with engine.open("POST", "/v1/completions", LONG) as stream:
            stream.readline()
            engine.send(signal.SIGSTOP, to=engine.pid("Worker"))
            assert status(engine) == 200
            assert DEAD in rest(stream)[-2]
        assert engine.wait_exit() == 0
        engine.wait_for("TimeoutError: RPC call to execute_model timed out.", stream="out")
        engine.wait_gone(engine.pid("Worker"))
