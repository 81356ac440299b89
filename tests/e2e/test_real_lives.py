"""Whole lives of `mixvllm serve` with the real vLLM and a real small model, on the CPU.

A start takes most of a minute, so few are made. What a test kills is ready again when it ends,
so that their order does not matter.
"""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mixvllm.engine import family, mark
from tests.life.lives import CLEAN, Case, Life, eventually

PYTHON = os.environ.get("TEST_VLLM_PYTHON", "")
MODEL = os.environ.get("TEST_MODEL", "")
START = 300.0  # seconds, on a machine that does other things, too

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not (PYTHON and MODEL), reason="TEST_VLLM_PYTHON and TEST_MODEL name no real vLLM"
    ),
]


def real(folder: Path, **profile: dict[str, object]) -> Case:
    """A profile of the real vLLM; its processes bear the tag in their titles."""
    case = Case(folder)
    usual: dict[str, dict[str, object]] = {
        "model": {"name": MODEL},
        "inference": {"max_model_len": 1024, "enforce_eager": True},
        "vllm": {
            "version": None,
            "command": [PYTHON, "-m", "vllm.entrypoints.cli.main"],
            "env": {
                "HF_HUB_OFFLINE": "1",
                "VLLM_NO_USAGE_STATS": "1",
                "VLLM_CPU_KVCACHE_SPACE": "1",
                "VLLM_PROCESS_NAME_PREFIX": case.tag,
            },
        },
    }
    for section, values in profile.items():
        usual[section] = {**usual.get(section, {}), **values}
    return Case(folder, profile=usual, tag=case.tag, port=case.port)


class Everybody:
    """All that a keeper's engine consists of: also who has no tag, e.g. Python's tracker."""

    def __init__(self, life: Life) -> None:
        self._mark = mark.mark_of(family.identify(life.keeper()))
        self._case = life.case

    def living(self) -> list[family.Member]:
        return family.living(mark.marked(self._mark))

    def wait_gone(self, *, limit: float = CLEAN) -> None:
        eventually(lambda: not self.living(), f"the end of {self.living()}", limit=limit)
        self._case.wait_nothing_left()


def reach(life: Life, phase: str) -> None:
    life.wait_event("phase_entered", phase=phase, limit=START)


def chat(life: Life, question: str, **options: object) -> dict[str, Any]:
    body = {
        "model": life.case.tag, "messages": [{"role": "user", "content": question}], **options
    }  # fmt: skip
    answer = life.request("POST", "/v1/chat/completions", body, limit=120)
    assert answer.status == 200, answer.body
    return dict(answer.json())


def finish_reason(answer: dict[str, Any]) -> tuple[str, int]:
    return answer["choices"][0]["finish_reason"], answer["usage"]["completion_tokens"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A ready engine whose profile has generation defaults; stopped in the end, and asked how."""
    case = real(
        tmp_path_factory.mktemp("served"),
        generation_defaults={"max_tokens": 8, "temperature": 0},
        supervisor={"stop_grace": 20, "restart": {"backoff": 0.5, "max_restarts": 5}},
    )
    with Life(case) as life:
        life.wait_state("ready", limit=START)
        yield life
        everybody = Everybody(life)
        life.send(signal.SIGTERM)
        assert life.wait_exit(limit=60) == 0
        everybody.wait_gone(limit=1)
        assert life.events("engine_exited")[-1]["killed"] == 0


@pytest.fixture
def ready(served: Life) -> Life:
    """The served life, ready again if a test has killed something of it."""
    eventually(lambda: served.states()[-1] == "ready", "a ready engine", limit=START)
    return served


def test_it_knows_the_capital_of_france(ready: Life) -> None:
    answer = chat(ready, "What is the capital of France?", temperature=0, max_tokens=32)
    assert "Paris" in answer["choices"][0]["message"]["content"]


def test_the_generation_defaults_apply_to_who_does_not_say(ready: Life) -> None:
    question = "Tell me a long story about a fox."
    answers = [chat(ready, question) for _ in range(3)]
    assert [finish_reason(answer) for answer in answers] == [("length", 8)] * 3
    said = {answer["choices"][0]["message"]["content"] for answer in answers}
    assert len(said) == 1  # temperature 0
    assert finish_reason(chat(ready, question, max_tokens=4)) == ("length", 4)
    # In vLLM this default is a limit, too (entrypoints/serve/utils/api_utils.py: get_max_tokens).
    assert finish_reason(chat(ready, question, max_tokens=12)) == ("length", 8)


def test_the_phases_of_its_start(ready: Life) -> None:
    first = [
        event["phase"] for event in ready.events("phase_entered") if event["at"] < first_end(ready)
    ]
    expected = ["imports", "config", "engine", "weights", "warm-up", "serving", "canary"]
    assert list(dict.fromkeys(first)) == expected
    facts = {event["name"]: event["value"] for event in ready.events("fact_learned")}
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", facts["version"])
    assert int(facts["kv_tokens"].replace(",", "")) > 1024
    assert float(facts["weights_seconds"]) > 0
    assert ready.wait_event("phase_progressed", phase="weights", done=1, total=1)


def first_end(life: Life) -> float:
    """When the first engine ended, in seconds of the run."""
    exits = life.events("engine_exited")
    return float(exits[0]["at"]) if exits else float("inf")


def test_the_log_has_the_requests_of_others_and_none_of_our_questions(ready: Life) -> None:
    chat(ready, "Hello", max_tokens=1)
    ready.case.wait_logged('"POST /v1/chat/completions HTTP/1.1" 200')
    assert not re.search(r'"GET /(health|metrics)', ready.case.log())


def test_its_figures_are_read(ready: Life) -> None:
    before = len(ready.events("gauges_read"))
    chat(ready, "Count to ten.", max_tokens=16)
    eventually(
        lambda: any(
            (event["generation_tokens_per_second"] or 0) > 0 and event["kv_cache_usage"] is not None
            for event in ready.events("gauges_read")[before:]
        ),
        "tokens in the figures",
    )
    sample = ready.events("machine_sampled")[-1]
    assert sample["engine_memory_bytes"] > 200 * 2**20
    assert sample["engine_cpu_percent"] is not None


@pytest.mark.parametrize("who", ["APIServer", "EngineCore"])
def test_an_engine_that_lost_a_process_is_replaced(ready: Life, who: str) -> None:
    everybody = Everybody(ready)
    attempt = len(ready.events("engine_spawned"))
    pid = ready.wait_pid(attempt)
    if who == "EngineCore":
        title = f"{ready.case.tag}::EngineCore"
        (core,) = [one for one in ready.case.tagged() if one.cmdline()[0].startswith(title)]
        pid = core.pid
    ready.kill(pid)
    ready.wait_event("engine_spawned", attempt=attempt + 1, limit=60)
    assert everybody.living() == []
    exited = ready.events("engine_exited")[-1]
    assert exited["asked"] is False
    assert exited["status"] == (-9 if who == "APIServer" else 0)
    eventually(lambda: ready.states()[-1] == "ready", "the next engine", limit=START)
    answer = chat(ready, "What is the capital of France?", temperature=0, max_tokens=32)
    assert "Paris" in answer["choices"][0]["message"]["content"]


def test_nothing_outlives_a_supervisor_that_is_killed_while_it_serves(tmp_path: Path) -> None:
    case = real(tmp_path, model={"served_name": None, "name": MODEL})
    with Life(case) as life:
        life.wait_state("ready", limit=START)  # so it was asked for by the name of its folder
        body = {
            "model": MODEL, "messages": [{"role": "user", "content": "Tell me a long story."}],
            "temperature": 0,
        }  # fmt: skip
        answer = dict(life.request("POST", "/v1/chat/completions", body, limit=240).json())
        assert finish_reason(answer)[1] > 8  # without defaults of ours it says what it wants to
        everybody = Everybody(life)
        assert len(everybody.living()) >= 4
        life.kill(life.process.pid)
        life.wait_exit()
        everybody.wait_gone()


def test_nothing_outlives_a_supervisor_that_is_killed_while_weights_load(tmp_path: Path) -> None:
    with Life(real(tmp_path)) as life:
        reach(life, "weights")
        everybody = Everybody(life)
        life.kill(life.process.pid)
        life.wait_exit()
        everybody.wait_gone()


@pytest.mark.parametrize(("phase", "limit"), [("imports", 5.0), ("weights", 12.0)])
def test_ctrl_c_during_the_start(tmp_path: Path, phase: str, limit: float) -> None:
    with Life(real(tmp_path)) as life:
        reach(life, phase)
        everybody = Everybody(life)
        began = time.monotonic()
        life.send(signal.SIGINT)
        code = life.wait_exit(limit=30)
        assert time.monotonic() - began < limit
        assert code in ({0} if phase == "imports" else {0, 6})
        everybody.wait_gone(limit=1)
        assert life.wait_state("stopping") == "asked by Ctrl-C"


def test_what_vllm_refuses_is_said_and_not_tried_again(tmp_path: Path) -> None:
    # What is put over the model's configuration is not judged before the start.
    shorter: dict[str, object] = {"hf-overrides": {"max_position_embeddings": 2048}}
    long: dict[str, object] = {"max_model_len": 10_000, "enforce_eager": True}
    too_long = real(tmp_path, inference=long, vllm={"args": shorter})
    with Life(too_long) as life:
        assert life.wait_exit(limit=START) == 4
        said = life.lines("err")[-2]
        assert "max_model_len (10000)" in said
        assert "trying again would not help" in said
        assert len(life.events("engine_spawned")) == 1
        assert life.case.tagged() == []
