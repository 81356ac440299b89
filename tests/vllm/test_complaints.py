"""The root cause of every recorded failure, and none where nothing was wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.engine.lines import LineSplitter
from mixvllm.vllm.complaints import Complaints, may_pass

LOGS = Path(__file__).parents[1] / "data" / "logs"


def heard(lines: list[str]) -> Complaints:
    """What these lines complain about; line N was written at second N."""
    complaints = Complaints()
    for number, line in enumerate(lines):
        complaints.hear(line, float(number))
    return complaints


def lines_of(name: str) -> list[str]:
    splitter = LineSplitter()
    return splitter.feed((LOGS / f"{name}.log").read_bytes()) + splitter.flush()


CAUSES = {
    "f1_port_in_use": "OSError: [Errno 98] Address already in use",
    "f3_unknown_flag": "unrecognized arguments: --no-such-flag",
    "f5_hf_offline_missing": (
        "huggingface_hub.errors.LocalEntryNotFoundError: Cannot find an appropriate cached snapshot"
        " folder for the specified revision on the local disk and outgoing traffic has been"
    ),
    "f6_tp2_heads_not_divisible": (
        "VllmConfig: Total number of attention heads (9) must be divisible by tensor parallel"
        " size (2)."
    ),
    "f7_quantization_mismatch": "VllmConfig: Cannot find the config file for awq",
    "f8_unsupported_arch": (
        "ModelConfig: The checkpoint you are trying to load has model type `foobar` but"
        " Transformers does not recognize this architecture."
    ),
    "f10_bad_json_flag": "argument --speculative-config/-sc: Value {bad cannot be converted to",
    "f11_missing_config_file": (
        "FileNotFoundError: [Errno 2] No such file or directory: '/nonexistent.yaml'"
    ),
    "f14_bad_chat_template_path": (
        "vllm.exceptions.VLLMValidationError: The supplied chat template string (/nope.jinja)"
        " appears path-like, but doesn't exist!"
    ),
    "f15_trust_remote_code": (
        "ModelConfig: The repository E_work/models/trc contains custom code which must be executed"
    ),
    "g1b_kv_smaller_than_one_request": (
        "ValueError: To serve at least one request with the model's max seq len (8192), (0.18 GiB"
        " KV cache is needed, which is larger than the available KV cache memory (0.05 GiB)."
    ),
    "g1c_cpu_util_too_small": (
        "ValueError: Available memory on node 0 (13.29/17.21 GiB) on kv cache allocation is less"
        " than requested memory for kv (-0.01/0.86 GiB)."
    ),
    "g3_missing_weights": (
        "RuntimeError: Cannot find any model weights with `E_work/models/noweights`"
    ),
    "g5_kv_space_too_large": (
        "ValueError: Available memory on node 0 (15.12/17.21 GiB) on kv cache allocation is less"
        " than requested memory for kv (200.0 GiB)."
    ),
    "g7_missing_tokenizer": (
        "ValueError: Couldn't instantiate the backend tokenizer from one of: (1) a `tokenizers`"
        " library serialization file, (2)"
    ),
    "03_kill9_enginecore": "engine core exited unexpectedly",
    "04_kill9_worker": (
        "Worker proc VllmWorker-0 died unexpectedly (exit code: None), shutting down executor."
    ),
    "j1_two_api_servers_kill9_one": (
        "RuntimeError: Process ApiServer_0 (PID: 25916) died with exit code -9"
    ),
}


@pytest.mark.parametrize("name", CAUSES)
def test_the_cause_of_a_recorded_failure(name: str) -> None:
    cause = heard(lines_of(name)).cause()
    assert cause is not None
    assert cause.startswith(CAUSES[name])
    assert "[type=" not in cause


@pytest.mark.parametrize(
    "name",
    [
        "g6_engine_ready_timeout",  # became ready and was stopped
        "i2_sigterm_during_engine_spawn",  # a traceback that Python ignored
        "i5_sigkill_engine_during_worker_load",  # killed: its worker only lost its pipe
    ],
)
def test_where_nothing_was_wrong_nothing_is_blamed(name: str) -> None:
    assert heard(lines_of(name)).cause() is None


def test_what_was_said_long_before_is_no_cause() -> None:
    complaints = heard(
        [
            "(Worker pid=3) ERROR 11-22 09:12:44 [a.py:1] ValueError: an old trouble",
            *[""] * 98,
            "(EngineCore pid=2) ERROR 11-22 09:15:00 [core.py:1] EngineCore encountered a fatal",
            "(EngineCore pid=2) ERROR 11-22 09:15:00 [core.py:1] RuntimeError: the new one",
        ]
    )
    assert complaints.cause() == "ValueError: an old trouble"
    assert complaints.cause(since=60.0) == "RuntimeError: the new one"


def test_of_one_record_the_last_exception_counts_and_of_a_worker_the_first_record() -> None:
    complaints = heard(
        [
            "(Worker pid=3) ERROR 11-22 09:12:44 [a.py:1] KeyError: 'x'",
            "(Worker pid=3) ERROR 11-22 09:12:44 [a.py:1] During handling of the above exception",
            "(Worker pid=3) ERROR 11-22 09:12:44 [a.py:1] RuntimeError: bad weights",
            "(Worker pid=3) INFO 11-22 09:12:45 [b.py:1] going down",
            "(Worker pid=3) ERROR 11-22 09:12:45 [a.py:1] ValueError: queue is closed",
        ]
    )
    assert complaints.cause() == "RuntimeError: bad weights"


def test_two_processes_may_write_at_the_same_time() -> None:
    complaints = heard(
        [
            "(Worker_TP0 pid=3) ERROR 11-22 09:12:44 [a.py:1] Traceback (most recent call last):",
            "(EngineCore pid=2) ERROR 11-22 09:12:44 [b.py:2] Traceback (most recent call last):",
            "(Worker_TP0 pid=3) ERROR 11-22 09:12:44 [a.py:1] torch.OutOfMemoryError: CUDA out",
            "(EngineCore pid=2) ERROR 11-22 09:12:44 [b.py:2] RuntimeError: a worker failed",
        ]
    )
    assert complaints.cause() == "torch.OutOfMemoryError: CUDA out"


def test_a_setting_that_pydantic_refuses_is_named() -> None:
    complaints = heard(
        [
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for SchedulerConfig",
            "max_num_seqs",
            "  Input should be greater than or equal to 1 [type=greater_than_equal, input_value=0]",
            "    For further information visit the page of pydantic",
        ]
    )
    assert complaints.cause() == (
        "SchedulerConfig: max_num_seqs Input should be greater than or equal to 1"
    )


def test_a_crash_below_python_is_heard() -> None:
    assert heard(["Fatal Python error: Segmentation fault"]).cause() == (
        "Fatal Python error: Segmentation fault"
    )


def test_output_of_a_model_is_no_complaint() -> None:
    assert (
        heard(["(APIServer pid=1) INFO 11-22 09:12:44 [x.py:1] ValueError: said it"]).cause()
        is None
    )


@pytest.mark.parametrize(
    ("cause", "passes"),
    [
        ("OSError: [Errno 98] Address already in use", True),
        ("OSError: We couldn't connect to 'https://huggingface.co' to load the files", True),
        ("requests.exceptions.ConnectionError: Max retries exceeded with url", True),
        ("OSError: [Errno 28] No space left on device", True),
        (CAUSES["f5_hf_offline_missing"], False),
        (CAUSES["f6_tp2_heads_not_divisible"], False),
        (CAUSES["f3_unknown_flag"], False),
    ],
)
def test_only_trouble_of_the_surroundings_may_pass(cause: str, passes: bool) -> None:
    assert may_pass(cause) is passes


@given(st.lists(st.text(max_size=80)))
def test_any_text_can_be_heard(lines: list[str]) -> None:
    cause = heard(lines).cause()
    assert cause is None or cause
