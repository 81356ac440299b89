"""What is said of the figures of a card, and what makes it unfit."""

from dataclasses import replace

import pytest

from mixvllm.core.diagnostic import Severity
from mixvllm.gpu.health import UNFIT, health_problems, unclaimed_xids
from mixvllm.gpu.inventory import Gpu, GpuMemory, GpuProcess, PcieLink, Problem, Xid

WELL = Gpu(2, memory=GpuMemory(total_bytes=2**36), recovery_action="none", throttle_reasons=())


def problem_of(gpu: Gpu) -> Problem:
    (problem,) = health_problems(gpu)
    assert problem.gpu == gpu.index
    assert problem.message.startswith("card 2")
    assert problem.hint
    return problem


def test_a_card_that_is_well() -> None:
    assert list(health_problems(WELL)) == []
    assert list(health_problems(Gpu(0))) == []  # and of one that told nothing, nothing is said


@pytest.mark.parametrize(
    ("gpu", "code", "words"),
    [
        (replace(WELL, recovery_action="reset"), "recovery-action", "needs a reset"),
        (replace(WELL, recovery_action="reboot"), "recovery-action", "needs a reboot"),
        (replace(WELL, recovery_action="unknown (99)"), "recovery-action", "'unknown (99)'"),
        (replace(WELL, row_remap_failed=True), "row-remap-failed", "spare rows are used up"),
        (replace(WELL, row_remap_pending=True), "row-remap-pending", "waits to be remapped"),
        (replace(WELL, compute_mode="prohibited"), "compute-prohibited", "is closed to programs"),
        (
            replace(WELL, recovery_action=None, xids=(Xid(31, ""), Xid(79, "", 90.0))),
            "xid",
            "XID 79, 2 min ago: the card fell off the bus",
        ),
    ],
)
def test_a_card_that_is_of_no_use(gpu: Gpu, code: str, words: str) -> None:
    problem = problem_of(gpu)
    assert problem.code == code
    assert problem.code in UNFIT
    assert words in problem.message
    assert problem.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("gpu", "code", "severity", "words"),
    [
        (
            replace(WELL, retired_pages_pending=True),
            *("retired-pages-pending", Severity.WARNING, "wait to be retired"),
        ),
        (
            replace(WELL, ecc_uncorrected_errors=1),
            *("ecc-errors", Severity.WARNING, "1 uncorrectable memory error since"),
        ),
        (
            replace(
                WELL, compute_mode="exclusive-process", processes=(GpuProcess(77, ("compute",)),)
            ),
            *("compute-exclusive", Severity.WARNING, "pid 77"),
        ),
        (
            replace(WELL, pcie=PcieLink(width=8, max_width=16)),
            *("pcie-width", Severity.INFO, "8 of 16 PCIe lanes"),
        ),
        (
            replace(WELL, throttle_reasons=("power cap", "hot")),
            *("throttled", Severity.INFO, "it is hot"),
        ),
        (replace(WELL, mig_enabled=True), "mig-parent", Severity.INFO, "cut into 0 MIG devices"),
        (
            replace(WELL, xids=(Xid(79, "", 4000.0),)),  # the driver asks for nothing any more
            *("xid-seen", Severity.INFO, "XID 79, 1 h ago"),
        ),
        (
            replace(WELL, recovery_action=None, xids=(Xid(13, ""),)),
            *("xid-seen", Severity.INFO, "XID 13: a program did something wrong"),
        ),
        (
            replace(WELL, xids=(Xid(9999, "", 3.0),)),
            *("xid-seen", Severity.INFO, "XID 9999, 3 s ago: an error of the driver"),
        ),
    ],
)
def test_what_is_said_of_a_card_that_can_be_used(
    gpu: Gpu, code: str, severity: Severity, words: str
) -> None:
    problem = problem_of(gpu)
    assert (problem.code, problem.severity) == (code, severity)
    assert problem.code not in UNFIT
    assert words in problem.message


def test_what_is_no_trouble() -> None:
    at_rest = PcieLink(generation=1, max_generation=5, width=16, max_width=16)
    in_no_slot = replace(WELL, memory=GpuMemory(), pcie=PcieLink(width=1, max_width=16))
    capped = replace(WELL, throttle_reasons=("power cap",))
    empty = replace(WELL, compute_mode="exclusive-process", processes=())
    for gpu in (replace(WELL, pcie=at_rest), in_no_slot, capped, empty):
        assert list(health_problems(gpu)) == []


def test_errors_of_a_card_that_does_not_say_where_it_is() -> None:
    found = [
        {"bus": "0000:1a:00", "code": code, "message": "", "seconds_ago": ago}
        for code, ago in ((31, 500.0), (79, 7.0))
    ]
    (problem,) = unclaimed_xids(found)
    assert problem.gpu is None
    assert "PCI device 0000:1a:00" in problem.message
    assert "XID 79, 7 s ago: the card fell off the bus" in problem.message
