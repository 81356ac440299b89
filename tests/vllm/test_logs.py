"""Phases, progress and figures, read from what a real vLLM 0.32.0 logged."""

from pathlib import Path

import pytest

from mixvllm.core.phases import Phase
from mixvllm.engine.lines import LineSplitter
from mixvllm.vllm.logs import Fact, PhaseSeen, Progress, Seen, read_line

LOGS = Path(__file__).parents[1] / "data" / "logs"


def seen(name: str) -> list[Seen]:
    """Everything that the lines of a recording say, in order."""
    splitter = LineSplitter()
    lines = splitter.feed((LOGS / f"{name}.log").read_bytes()) + splitter.flush()
    return [thing for line in lines for thing in read_line(line)]


def phases(name: str) -> list[Phase]:
    """The phases of a recording as a supervisor has them: none twice, none back."""
    reached: list[Phase] = []
    for thing in seen(name):
        further = isinstance(thing, PhaseSeen) and (
            not reached or thing.phase.order > reached[-1].order
        )
        if isinstance(thing, PhaseSeen) and further:
            reached.append(thing.phase)
    return reached


def test_a_start_goes_through_its_phases_in_order() -> None:
    assert phases("g6_engine_ready_timeout") == [
        Phase.CONFIG,
        Phase.ENGINE,
        Phase.WEIGHTS,
        Phase.WARMUP,
        Phase.SERVING,
    ]


@pytest.mark.parametrize(
    ("name", "furthest"),
    [
        ("f3_unknown_flag", None),
        ("f10_bad_json_flag", None),
        ("f11_missing_config_file", None),
        ("f14_bad_chat_template_path", None),
        ("f1_port_in_use", Phase.CONFIG),
        ("f5_hf_offline_missing", Phase.CONFIG),
        ("f6_tp2_heads_not_divisible", Phase.CONFIG),
        ("f7_quantization_mismatch", Phase.CONFIG),
        ("f8_unsupported_arch", Phase.CONFIG),
        ("f15_trust_remote_code", Phase.CONFIG),
        ("g7_missing_tokenizer", Phase.CONFIG),
        ("g3_missing_weights", Phase.WEIGHTS),
        ("g1b_kv_smaller_than_one_request", Phase.WARMUP),
        ("g1c_cpu_util_too_small", Phase.WARMUP),
        ("g5_kv_space_too_large", Phase.WARMUP),
    ],
)
def test_a_failed_start_stays_in_the_phase_where_it_failed(
    name: str, furthest: Phase | None
) -> None:
    reached = phases(name)
    assert (reached[-1] if reached else None) is furthest


def test_an_engine_that_died_silently_was_there() -> None:
    """Killed while it imports: all that says so is the API server's last word."""
    line = "RuntimeError: Engine core initialization failed. See root cause above. Failed core"
    assert read_line(line) == (PhaseSeen(Phase.ENGINE),)


def test_the_figures_of_a_start() -> None:
    facts = {
        thing.name: thing.value
        for thing in seen("g6_engine_ready_timeout")
        if isinstance(thing, Fact)
    }
    assert facts["version"] == "0.32.0"
    assert facts["kv_tokens"] == "46,592"
    assert facts["max_concurrency"] == "45.50"
    assert 0 < float(facts["weights_seconds"]) < 60
    assert 0 < float(facts["init_seconds"]) < 60


def test_the_progress_of_the_weights() -> None:
    bars = [thing for thing in seen("g6_engine_ready_timeout") if isinstance(thing, Progress)]
    assert bars[0] == Progress(Phase.WEIGHTS, 0, 1)
    assert bars[-1] == Progress(Phase.WEIGHTS, 1, 1)


PREFIXES = (
    "",
    "INFO 11-22 07:37:58 [model.py:733] ",
    "(APIServer pid=9685) INFO 11-22 07:37:58 [model.py:733] ",
    "(EngineCore_DP0 pid=12) INFO 11-22 07:37:58 [vllm/v1/model.py:1] ",
    "(Worker_DP0_TP3_EP3 pid=12) INFO 11-22 07:37:58 [model.py:733] ",
    "(VllmWorker rank=0 pid=12) INFO 11-22 07:37:58 [model.py:733] ",
    "(RayWorkerWrapper pid=12) INFO 11-22 07:37:58 [model.py:733] ",
)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Resolved architecture: LlamaForCausalLM", PhaseSeen(Phase.CONFIG)),
        ("Model loading took 14.99 GiB memory and 3.5 seconds", Fact("weights_seconds", "3.5")),
        ("Starting torch.compile for the model", PhaseSeen(Phase.WARMUP)),
        ("Capturing CUDA graphs (FULL):  10%|#  | 7/67 [00:01", Progress(Phase.WARMUP, 7, 67)),
        (
            "Loading safetensors checkpoint shards:  40% Completed | 12/30 [00:08<00:12]",
            Progress(Phase.WEIGHTS, 12, 30),
        ),
        ("GPU KV cache size: 1,204,432 tokens", Fact("kv_tokens", "1,204,432")),
    ],
)
def test_the_message_counts_and_not_who_said_it(prefix: str, message: str, said: Seen) -> None:
    assert said in read_line(prefix + message)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "()",
        "(APIServer pid=9685) ",
        "INFO:     127.0.0.1:51514 - \"POST /v1/chat/completions HTTP/1.1\" 200 OK",
        "the model said: Starting to load model",
        "Loading nothing checkpoint shards",
    ],
)  # fmt: skip
def test_most_lines_say_nothing(line: str) -> None:
    assert read_line(line) == ()
