"""What is said when no card can be asked, where a real machine is hard to arrange."""

from pathlib import Path

import pytest

from mixvllm.core.diagnostic import Severity
from mixvllm.gpu import faults


def test_no_driver_at_all() -> None:
    problem = faults.no_library("libnvidia-ml.so.1: cannot open: No such file or directory", None)
    assert problem.message == ("no NVIDIA driver on this machine: libnvidia-ml.so.1 was not found")
    assert "vLLM's CPU build" in problem.hint


def test_a_container_that_was_given_no_cards() -> None:
    problem = faults.no_library("No such file or directory", "580.95.05")
    assert problem.message.startswith("the kernel has NVIDIA driver 580.95.05, but")
    assert "--gpus all" in problem.hint


def test_a_library_that_does_not_load() -> None:
    problem = faults.no_library("/x/libnvidia-ml.so.1: file too short", None)
    assert "/x/libnvidia-ml.so.1: file too short" in problem.message


def test_versions_that_cannot_be_read_are_not_made_up() -> None:
    assert faults.mismatch(None, None).message == (
        "the kernel has another version of the NVIDIA driver, "
        "but libnvidia-ml.so.1 is of an unknown version"
    )


def test_a_driver_that_hangs_as_a_whole() -> None:
    problem = faults.refusal("no-answer", "30")
    assert problem.code == "no-answer"
    assert problem.message == "the NVIDIA driver did not answer within 30 s"
    assert problem.severity is Severity.ERROR


def test_a_board_whose_driver_comes_without_the_library(tmp_path: Path) -> None:
    (tmp_path / "device-tree").mkdir()
    compatible = b"nvidia,p3737-0000+p3701-0005\0nvidia,tegra234\0"
    (tmp_path / "device-tree" / "compatible").write_bytes(compatible)
    problem = faults.refusal("no-library", "No such file or directory", str(tmp_path))
    assert problem.message.startswith("this is a Jetson, and its driver comes without lib")
    assert "tegrastats" in problem.hint


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("lost", "card-lost", "card 3 no longer answers: why"),
        ("hangs", "no-answer", "card 3 why; what it had told by then is shown"),
        ("fault", "card-error", "card 3 cannot be asked: why"),
    ],
)
def test_a_card_that_is_not_complete(kind: str, code: str, words: str) -> None:
    problem = faults.card_fault(3, kind, "why")
    assert (problem.code, problem.message, problem.gpu) == (code, words, 3)
    assert problem.severity is Severity.ERROR
    assert "xid" in problem.hint
