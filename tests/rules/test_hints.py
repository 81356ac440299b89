"""What a finding says to do next: the word that was meant, and nothing that would not help."""

import pytest

from mixvllm.core.diagnostic import Applicability
from tests.rules.checking import checked


def _only(text: str) -> tuple[str, str, str, bool]:
    """Code, message, what to do next, and whether the fix is made unasked, of the one finding."""
    [found] = checked(text).diagnostics
    safe = found.fix is not None and found.fix.applicability is Applicability.SAFE
    return found.code, found.message, found.label or found.hint, safe


def _args(line: str) -> str:
    return f"model: a/b\nvllm:\n  version: 0.32.0\n  args:\n    {line}\n"


@pytest.mark.parametrize(
    ("line", "code", "label", "safe"),
    [
        ("enable-prefix-caching: off", "MX202", "write false", True),
        ('enable-prefix-caching: "off"', "MX202", "write false, without quotes", True),
        ("uvicorn-log-level: WARN", "MX203", "did you mean `warning`?", False),
        ("log-level: info", "MX203", "did you mean `INFO`?", True),
        ("max-lora-rank: 24\n    enable-lora: true", "MX203", "did you mean `32`?", False),
        ("video-pruning-rate: 50%", "MX204", "did you mean 0.5?", True),
        ("mm-processor-cache-gb: 4GB", "MX205", "write 4", False),
        ("interleave-mm-strings: 1", "MX223", "write true", False),
        ("max-model-len: 16,384", "MX223", "write 16384", False),
        ("tool-parser: x", "MX201", "write `tool-call-parser` if that is meant", False),
        ("mm-encoder-tp: data", "MX201", "write `mm-encoder-tp-mode` if that is meant", True),
        ("num-scheduler-steps: 8", "MX210", "take it out", False),
    ],
)
def test_a_value_or_a_name_that_people_write(line: str, code: str, label: str, safe: bool) -> None:
    found, _, told, made = _only(_args(line))
    assert (found, told, made) == (code, label, safe)


@pytest.mark.parametrize(
    ("section", "label"),
    [
        ("inference: {expert_parallel_size: 8}", "did you mean `enable_expert_parallel`?"),
        ("inference: {num_gpus: 2}", "did you mean `tensor_parallel_size`?"),
        ("inference: {swap_space: 4}", "vLLM has removed this option: the V1 engine has no swap"),
        ("generation_defaults: {temp: 1}", "did you mean `temperature`?"),
        ("generation_defaults: {stop: x}", "known here: temperature"),
        ("inference: {model: x}", "write `model.name`"),
        ("server: {served-model-name: x}", "write `model.served_name`"),
        ("gpus: {ids: [0]}", "did you mean `select`?"),
    ],
)
def test_a_key_that_people_write(section: str, label: str) -> None:
    assert _only(f"model: a/b\n{section}\n")[2].startswith(label)


def test_a_section_that_is_a_list_is_told_its_keys() -> None:
    [found] = checked("model: a/b\ngpus: [0]\n").diagnostics
    assert "select" in found.hint


def test_a_variable_of_an_old_recipe() -> None:
    code, message, label, _ = _only("model: a/b\nvllm: {env: {VLLM_USE_V1: 1}}\n")
    assert (code, label) == ("MX301", "take it out")
    assert "V1 is the only engine" in message


def test_a_value_that_is_a_list_is_shown_as_yaml() -> None:
    _, message, _, _ = _only(_args("enforce-eager: [true]"))
    assert message == "`enforce-eager` takes true or false, not `[true]`"


def test_what_must_be_written_elsewhere_is_said_once() -> None:
    [found] = checked(_args("port: 8080")).diagnostics
    assert (found.label, found.hint) == ("write server.port", "")


@pytest.mark.parametrize(
    "lines",
    [
        'enable-auto-tool-choice: "true"\n    tool-call-parser: hermes',
        "enable-log-requests: on\n    enable-log-outputs: true",
        "enable-log-requests: 1\n    max-log-len: 100",
    ],
)
def test_a_switch_that_is_spelled_wrong_is_not_missed_by_other_options(lines: str) -> None:
    assert _only(_args(lines))[0] in ("MX202", "MX223")
