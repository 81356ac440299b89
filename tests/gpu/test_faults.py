"""What is said when no card can be asked, where a real machine is hard to arrange."""

from mixvllm.core.errors import MachineFault
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


def test_the_fault_is_one_of_the_machine() -> None:
    fault = faults.DriverFault(faults.no_answer(30))
    assert isinstance(fault, MachineFault)
    assert fault.exit_code == 3
    assert str(fault) == "the NVIDIA driver did not answer within 30 s"
    assert fault.hint == fault.problem.hint
