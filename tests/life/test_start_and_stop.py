"""From the start to a stop that was asked for: in every phase, once and twice."""

import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.life.lives import LIMIT, Case, Life

# Long enough to be caught in the middle, short enough to finish in time: tokens of a stream.
SLOW_TOKENS = {"vllm": {"env": {"FAKE_VLLM_SPEED": "100", "FAKE_VLLM_TOKENS_PER_SECOND": "20"}}}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A life that is over: ready, asked once, stopped by SIGTERM."""
    case = Case(
        tmp_path_factory.mktemp("whole"),
        profile={"generation_defaults": {"max_tokens": 5, "temperature": 0.5}},
    )
    with Life(case) as life:
        life.wait_state("ready")
        answer = life.ask("one two three")
        assert answer["choices"][0]["finish_reason"] == "length"
        assert answer["usage"]["completion_tokens"] == 5  # the profile's default reached it
        life.send(signal.SIGTERM)
        life.wait_exit()
        yield life


def test_a_life_that_was_stopped_ends_with_0_and_leaves_nothing(whole: Life) -> None:
    assert whole.process.returncode == 0
    assert whole.case.tagged() == []
    assert whole.lines("err") == []


def test_its_states(whole: Life) -> None:
    assert whole.states() == ["starting", "warming", "ready", "draining", "stopped"]
    reasons = {event["state"]: event["reason"] for event in whole.events("state_changed")}
    assert reasons["draining"] == "asked by SIGTERM"
    assert reasons["stopped"] == "stopped as asked"


def test_its_phases_in_order(whole: Life) -> None:
    phases = [event["phase"] for event in whole.events("phase_entered")]
    expected = ["imports", "config", "engine", "weights", "warm-up", "serving", "canary"]
    assert list(dict.fromkeys(phases)) == expected


def test_its_figures_and_its_end(whole: Life) -> None:
    facts = {event["name"]: event["value"] for event in whole.events("fact_learned")}
    assert facts["version"] == "0.32.0"
    assert facts["kv_tokens"] == "46,592"
    (ended,) = whole.events("engine_exited")
    assert (ended["status"], ended["asked"], ended["killed"]) == (0, True, 0)


def test_its_files(whole: Life) -> None:
    case = whole.case
    assert "Application startup complete." in case.log()
    kept = (case.run / "events.jsonl").read_text().splitlines()
    figures = {"line_logged", "machine_sampled", "gauges_read"}
    told = [line for line in whole.lines("out") if not any(f'"{kind}"' in line for kind in figures)]
    assert kept == told
    assert (case.run / "vllm.log").stat().st_mode & 0o077 == 0


def test_plain_lines_where_there_is_no_terminal(tmp_path: Path) -> None:
    case = Case(tmp_path)
    with Life(case, text=True) as life:
        life.wait_for(rf"ready at http://127\.0\.0\.1:{case.port}", limit=LIMIT)
        life.send(signal.SIGINT)
        assert life.wait_exit() == 0
        lines = life.lines("out")
    assert all(re.match(rf"\d\d:\d\d:\d\d {case.tag} \S", line) for line in lines)
    assert any("Ctrl-C" in line for line in lines)
    assert not any("\x1b" in line for line in lines)
    assert len(lines) < 30


PHASES = [
    # fault, what the log shows when it sits there, the signal, and how it may end
    ("hang@imports", "", signal.SIGINT, 0),
    ("hang@config", "non-default args", signal.SIGTERM, 6),
    ("hang@spawn", "non-default args", signal.SIGINT, 0),
    ("hang@weights", "VllmWorker-0", signal.SIGTERM, 0),
    ("hang@listen", "Supported tasks", signal.SIGHUP, 6),
    ("stalled@ready", "Application startup complete", signal.SIGTERM, 0),
]
STUBBORN = "ignore-term@ready,escape@ready"


@pytest.fixture(scope="module")
def sitting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Life]]:
    """A life in each phase, all at once; each is told to stop when it is there."""
    folder = tmp_path_factory.mktemp("sitting")
    lives = {fault: Life(Case(folder, fault)) for fault, *_ in PHASES}
    lives[STUBBORN] = Life(Case(folder, STUBBORN, profile={"supervisor": {"stop_grace": 0}}))
    for fault, shows, sig, _ in PHASES:
        life = lives[fault]
        life.wait_pid()
        life.case.wait_logged(shows)
        if fault.startswith("stalled"):
            life.wait_state("warming")
        life.send(sig)
    lives[STUBBORN].wait_state("ready")
    lives[STUBBORN].send(signal.SIGTERM)
    yield lives
    for life in lives.values():
        life.__exit__()


@pytest.mark.parametrize(("fault", "shows", "sig", "code"), PHASES, ids=[p[0] for p in PHASES])
def test_a_stop_in_every_phase_of_the_start(
    sitting: dict[str, Life], fault: str, shows: str, sig: signal.Signals, code: int
) -> None:
    life = sitting[fault]
    assert life.wait_exit() == code
    assert life.case.tagged() == []
    asked, *rest = life.events("state_changed", state="stopping")
    assert rest == []
    by = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "SIGHUP"}[sig]
    assert asked["reason"] == f"asked by {by}"
    ended = life.events("state_changed")[-1]
    assert ended["at"] - asked["at"] < 10.0 + 2.0  # what is promised, and a busy machine
    assert life.events("engine_exited")[0]["asked"] is True
    assert (life.lines("err") == []) is (code == 0)


def test_an_engine_that_will_not_stop_is_made_to(sitting: dict[str, Life]) -> None:
    life = sitting[STUBBORN]
    assert life.wait_exit() == 6
    assert "draining" in life.states()
    assert life.case.tagged() == []  # nor the grandchild in a session of its own


def stream(life: Life, ends: list[str], *, tokens: int) -> threading.Thread:
    """Read a stream of so many tokens; its last lines are put into ``ends``."""
    body = {
        "model": life.case.tag, "prompt": "tell", "max_tokens": tokens, "ignore_eos": True,
        "stream": True,
    }  # fmt: skip
    begun = threading.Event()

    def read() -> None:
        with life.open("POST", "/v1/completions", body, limit=LIMIT) as response:
            while line := response.readline():
                ends.append(line.decode().strip())
                begun.set()

    thread = threading.Thread(target=read)
    thread.start()
    assert begun.wait(LIMIT)
    return thread


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_a_stop_lets_a_stream_finish_even_if_it_is_said_twice_in_one_breath(
    tmp_path: Path, sig: signal.Signals
) -> None:
    with Life(Case(tmp_path, profile=SLOW_TOKENS)) as life:
        life.wait_state("ready")
        ends: list[str] = []
        reading = stream(life, ends, tokens=24)
        life.send(sig)
        life.send(sig)
        life.wait_state("draining")
        if sig is signal.SIGHUP:
            time.sleep(0.3)  # a shell that hangs up after the kernel: never a reason to hurry
            life.send(sig)
        reading.join(LIMIT)
        assert life.wait_exit() == 0
    assert ends[-2:] == ["data: [DONE]", ""]
    assert '"finish_reason":"length"' in "".join(ends).replace(" ", "")


def test_a_second_ctrl_c_means_at_once(tmp_path: Path) -> None:
    with Life(Case(tmp_path, profile=SLOW_TOKENS)) as life:
        life.wait_state("ready")
        ends: list[str] = []
        reading = stream(life, ends, tokens=2000)  # 100 s
        life.send(signal.SIGINT)
        first = life.wait_event("state_changed", state="draining")
        time.sleep(0.3)  # as fast as a finger
        began = time.monotonic()
        life.send(signal.SIGINT)
        assert life.wait_exit(limit=5.0) == 6
        assert time.monotonic() - began < 3.0
        reading.join(LIMIT)
        assert life.wait_state("stopping") == "asked again: at once"
        assert first["reason"] == "asked by Ctrl-C"
        assert life.case.tagged() == []
        assert "had to be killed" in life.lines("err")[0]


def test_under_nohup_a_hang_up_is_nothing(tmp_path: Path) -> None:
    nohup = ("sh", "-c", 'trap "" HUP; exec "$@"', "sh")
    with Life(Case(tmp_path), under=nohup) as life:
        life.wait_state("ready")
        life.send(signal.SIGHUP)
        assert life.ask("still there")["choices"]
        life.send(signal.SIGTERM)
        assert life.wait_exit() == 0
        assert "draining" in life.states()
