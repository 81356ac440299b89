"""The faults of the fake engine: each one happens, where and how it was asked for."""

import re
import signal
import time
from pathlib import Path

import psutil
import pytest

from mixvllm.testing.fake_faults import CAUSES, FAULTS, plan
from mixvllm.testing.fake_script import Phase
from mixvllm.testing.running import READY, Running, fake_vllm

LOGS = Path(__file__).parent.parent / "data" / "logs"
SUMMARY = "RuntimeError: Engine core initialization failed. See root cause above."
OWNERS = {
    Phase.ENGINE: "EngineCore",
    Phase.WORKERS: "VllmWorker-0",
    Phase.WEIGHTS: "Worker",
    Phase.MEMORY: "EngineCore",
    Phase.WARMUP: "EngineCore",
}


def faulty(fault: str) -> Running:
    return fake_vllm("--fake-fault", fault)


def ask(engine: Running, path: str = "/v1/completions", **more: object) -> tuple[int, str]:
    body = {"prompt": "The capital of France is", **more}
    answer = engine.request("POST", path, body)
    return answer.status, answer.body


# crashes


@pytest.mark.parametrize("phase", [Phase.IMPORTS, Phase.CONFIG, Phase.APP, Phase.LISTEN])
def test_a_crash_of_the_api_server_is_a_traceback_on_stderr_and_exit_1(phase: Phase) -> None:
    with faulty(f"crash@{phase}") as engine:
        assert engine.wait_exit() == 1
        engine.wait_for("^Traceback", stream="err")
        first = CAUSES[phase].splitlines()[0]
        engine.wait_for(f"^{re.escape(first)}$", stream="err")
        engine.wait_gone()


def test_a_crash_in_the_arguments_is_a_flood_of_usage_and_exit_2() -> None:
    with faulty("crash@args") as engine:
        assert engine.wait_exit() == 2
        last = "^vllm serve: error: unrecognized arguments: --no-such-flag$"
        engine.wait_for(last, stream="err")
        assert len(engine.lines("err")) > 40
        assert engine.lines("out") == []


@pytest.mark.parametrize("phase", list(OWNERS))
def test_a_crash_of_the_engine_has_its_cause_on_stdout_and_its_summary_on_stderr(
    phase: Phase,
) -> None:
    with faulty(f"crash@{phase}") as engine:
        assert engine.wait_exit() == 1
        cause = CAUSES[phase].splitlines()[0].partition("{")[0].partition("(")[0]
        error = rf"^\({OWNERS[phase]} pid=\d+\) ERROR .*\] {re.escape(cause)}"
        engine.wait_for(error, stream="out")
        assert not [text for text in engine.lines("out") if SUMMARY in text]
        engine.wait_for(f"^{SUMMARY} Failed core proc\\(s\\): {{'EngineCore': 1}}$", stream="err")
        engine.wait_gone()


def test_missing_weights_are_told_as_in_the_recording() -> None:
    recorded = (LOGS / "g3_missing_weights.log").read_text()
    with faulty("crash@weights") as engine:
        engine.wait_exit()
        engine.wait_for(SUMMARY, stream="err")
        errors = [text for text in engine.lines("out") if " ERROR " in text]
    said = [text.partition("] ")[2] for text in errors]
    assert "WorkerProc failed to start." in said
    assert "EngineCore failed to start." in said
    unknown = [
        text
        for text in said
        if text not in recorded and not text.startswith("    ")  # frames are shortened
    ]
    assert unknown == [
        "RuntimeError: Cannot find any model weights with `models/SmolLM2-135M-Instruct`"
    ]


def test_a_crash_in_the_spawn_says_nothing_but_the_summary() -> None:
    with faulty("crash@spawn") as engine:
        assert engine.wait_exit() == 1
        engine.wait_for(SUMMARY, stream="err")
        assert not [text for text in engine.lines("out") if " ERROR " in text]


def test_a_crash_when_ready_is_an_exit_with_0() -> None:
    with faulty("crash@ready") as engine:
        assert engine.wait_exit() == 0
        cause = re.escape(CAUSES[Phase.READY])
        engine.wait_for(READY)
        engine.wait_for(rf"^\(EngineCore pid=\d+\) ERROR .*\] {cause}$", stream="out")
        engine.wait_for("Finished server process", stream="err")
        engine.wait_gone()


@pytest.mark.parametrize("phase", [Phase.CONFIG, Phase.WEIGHTS, Phase.READY])
def test_the_exit_code_of_a_crash_can_be_chosen(phase: Phase) -> None:
    with faulty(f"crash=7@{phase}") as engine:
        assert engine.wait_exit() == 7


def test_no_gpu_memory_is_told_in_the_words_of_torch() -> None:
    with faulty("oom@weights") as engine:
        assert engine.wait_exit() == 1
        engine.wait_for(r"^\(Worker .*torch\.OutOfMemoryError: CUDA out of memory", stream="out")


# silence


@pytest.mark.parametrize(
    ("phase", "last", "following"),
    [
        (Phase.CONFIG, "non-default args", "Resolved architecture"),
        (Phase.ENGINE, "Using the V1|using the V1", "Initializing a V1"),
        (Phase.WEIGHTS, "VllmWorker-0", "Starting to load"),
        (Phase.WARMUP, "Explicitly set", "KV cache size"),
    ],
)
def test_a_hang_stops_the_start_and_sigterm_does_not_help(
    phase: Phase, last: str, following: str
) -> None:
    with faulty(f"hang@{phase}") as engine:
        engine.wait_for(last)
        engine.send(signal.SIGTERM)
        with pytest.raises(TimeoutError):
            engine.wait_for(following, limit=0.3)  # 25 ms away in a start that goes on
        assert engine.process.poll() is None


def test_a_hang_when_ready_takes_connections_and_never_answers() -> None:
    with faulty("hang@ready") as engine:
        engine.wait_for(READY)
        with pytest.raises(TimeoutError):
            engine.request("GET", "/health", limit=0.3)
        engine.send(signal.SIGTERM)
        with pytest.raises(TimeoutError):
            engine.wait_gone(engine.process.pid, limit=0.3)


def test_a_stalled_engine_is_healthy_and_makes_no_token() -> None:
    with faulty("stalled@ready") as engine:
        engine.wait_for(READY)
        with pytest.raises(TimeoutError):
            engine.request("POST", "/v1/completions", {"prompt": "hello"}, limit=0.3)
        assert engine.request("GET", "/health").status == 200
        page = engine.request("GET", "/metrics").body
        assert re.search(r"iteration_tokens_total_count\{.*\} 0\.0", page)
        engine.send(signal.SIGTERM)
        assert engine.wait_exit() == 0


def test_a_slow_phase_takes_so_many_seconds_more() -> None:
    with faulty("slow=0.4@app") as engine:
        engine.wait_for("init engine")
        begun = time.monotonic()
        assert engine.wait_for("Supported tasks").at - begun > 0.3


# noise


def test_a_flood_is_as_long_as_asked_for() -> None:
    with faulty("flood=5000@warm-up") as engine:
        engine.wait_for(READY)
        engine.wait_for("Available routes")
        flood = [text for text in engine.lines("out") if "of a flood" in text]
        assert len(flood) == 5000
        assert all(text.startswith("(EngineCore pid=") for text in flood)


def test_garbage_has_every_byte_but_no_newline() -> None:
    with faulty("garbage=3000@config") as engine:
        line = engine.wait_for("\0").text
        assert line.count("\0") > 5
        assert "\ufffd" in line  # bytes that are no UTF-8
        assert "\x1b" in line
        assert "Resolved architecture" in line  # glued to the line that comes after
        engine.wait_for(READY)


def test_a_death_can_cut_a_line_in_half() -> None:
    with faulty("half-line=5@config") as engine:
        assert engine.wait_exit() == 5
        assert engine.wait_for("09:12:4$").text.endswith("INFO 11-22 09:12:4")


# ends


def test_an_exit_with_0_that_nobody_asked_for_leaves_orphans() -> None:
    with faulty("exit0=0.1@ready") as engine:
        engine.wait_for(READY)
        assert engine.wait_exit() == 0
        assert len(engine.family()) == 3  # tracker, EngineCore, Worker


@pytest.mark.parametrize(
    ("fault", "code"),
    [("exit=9@config", 9), ("signal=SEGV@app", -signal.SIGSEGV), ("signal@ready", -signal.SIGKILL)],
)
def test_it_can_end_without_a_word(fault: str, code: int) -> None:
    with faulty(fault) as engine:
        assert engine.wait_exit() == code


@pytest.mark.parametrize("phase", [Phase.ARGS, Phase.READY])
def test_sigterm_can_be_ignored(phase: Phase) -> None:
    with faulty(f"ignore-term@{phase}") as engine:
        engine.wait_for(READY)
        assert engine.request("GET", "/health").status == 200
        engine.send(signal.SIGTERM)
        with pytest.raises(TimeoutError):
            engine.wait_gone(engine.process.pid, limit=0.3)
        engine.send(signal.SIGINT)
        assert engine.wait_exit() == 0


def test_a_stop_can_be_slow() -> None:
    with faulty("slow-exit=0.5@ready") as engine:
        engine.wait_for(READY)
        engine.request("GET", "/health")
        engine.send(signal.SIGTERM)
        asked = engine.wait_for("shutdown triggered").at
        assert engine.wait_exit() == 0
        assert time.monotonic() - asked >= 0.45


def test_a_grandchild_can_escape_into_its_own_session() -> None:
    with fake_vllm("--served-model-name", "tag88", "--fake-fault", "escape=30@ready") as engine:
        engine.wait_for(READY)
        engine.request("GET", "/health")
        members = {process.pid for process in engine.family()}
        engine.send(signal.SIGTERM)
        assert engine.wait_exit() == 0
        every = [
            one
            for one in psutil.process_iter(["cmdline"])
            if "tag88" in (one.info["cmdline"] or ())
        ]
        (escaped,) = [one for one in every if one.pid not in members]
        assert escaped.is_running()
        escaped.kill()


# answers


def test_health_can_lie_or_be_slow() -> None:
    with faulty("health-503@ready") as engine:
        engine.wait_for(READY)
        assert ask(engine)[0] == 200
        assert engine.request("GET", "/health").status == 503
    with faulty("slow-health=0.4@ready") as engine:
        engine.wait_for(READY)
        assert ask(engine)[0] == 200
        begun = time.monotonic()
        assert engine.request("GET", "/health").status == 200
        assert time.monotonic() - begun >= 0.4


def test_the_metrics_can_be_missing() -> None:
    with faulty("no-metrics@ready") as engine:
        engine.wait_for(READY)
        ask(engine)
        assert engine.request("GET", "/metrics").status == 404


def test_without_a_chat_template_only_completions_work() -> None:
    with faulty("no-chat-template@ready") as engine:
        engine.wait_for(READY)
        assert ask(engine)[0] == 200
        status, body = ask(
            engine, "/v1/chat/completions", messages=[{"role": "user", "content": "?"}]
        )
        assert status == 400
        assert "default chat template is no longer allowed" in body


def test_a_model_with_a_wrong_config_talks_nonsense() -> None:
    with faulty("gibberish@ready") as engine:
        engine.wait_for(READY)
        engine.wait_for("Route:")
        status, body = ask(engine)
        assert status == 200
        assert '", ,,' in body


# the table


def test_faults_may_come_from_the_environment_and_be_several() -> None:
    env = {"FAKE_VLLM_FAULT": "flood=10@app, crash=3@listen"}
    with fake_vllm(env=env) as engine:
        assert engine.wait_exit() == 3
        engine.wait_for("line 9 of a flood")


def test_the_table_names_every_fault_in_words() -> None:
    assert all(fault.name == name and fault.summary for name, fault in FAULTS.items())
    planned = plan("crash=3@weights,hang@ready")
    assert [(one.fault.name, one.value, one.phase) for one in planned] == [
        ("crash", "3", "weights"),
        ("hang", "", "ready"),
    ]


@pytest.mark.parametrize(
    "text", ["nope@ready", "crash", "crash@", "crash=x@ready", "signal=NO@app"]
)
def test_a_fault_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"there are crash|names no phase|could not|NO"):
        plan(text)
