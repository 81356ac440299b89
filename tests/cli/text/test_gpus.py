"""The table fits every width and never shows what was not read."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.cli.text.cells import cells, written
from mixvllm.cli.text.gpus import gpu_lines
from mixvllm.cli.text.style import Paint
from mixvllm.core.diagnostic import Severity
from mixvllm.gpu.inventory import (
    FIELDS,
    Driver,
    Gpu,
    GpuInventory,
    GpuMemory,
    GpuProcess,
    GpuUtilization,
    MigDevice,
    Problem,
)
from mixvllm.gpu.visible import visible_cards

GIB = 2**30
BUSY = Gpu(
    index=0,
    uuid="GPU-1",
    name="NVIDIA H100 80GB HBM3",
    pci_bus_id="00000000:1A:00.0",
    compute_capability=(9, 0),
    memory=GpuMemory(80 * GIB, 56 * GIB, 23 * GIB, GIB),
    utilization=GpuUtilization(97, 41),
    temperature_celsius=63,
    power_watts=612.345,
    power_limit_watts=700.0,
    mig_enabled=False,
    ecc_uncorrected_errors=0,
    row_remap_pending=False,
    row_remap_failed=False,
    processes=(
        GpuProcess(14256, ("compute",), 50 * GIB, "VLLM::EngineCore", "anna"),
        GpuProcess(99, ("graphics",), GIB, "Xorg", "root"),
    ),
)
IDLE = replace(
    BUSY,
    index=1,
    memory=GpuMemory(80 * GIB, 0, 79 * GIB, GIB),
    utilization=GpuUtilization(0, 0),
    temperature_celsius=34,
    power_watts=71.2,
    processes=(),
)
LOST = Gpu(2, unavailable=dict.fromkeys(FIELDS, "the card is lost"))
LOST_PROBLEM = Problem("card-lost", "card 2 no longer answers", "reboot", 2)


def inventory(*gpus: Gpu, problems: tuple[Problem, ...] = ()) -> GpuInventory:
    taken_at = datetime(2026, 11, 22, tzinfo=UTC)
    return GpuInventory(taken_at, Driver("580.95.05", "13.0"), gpus, problems)


def shown(
    taken: GpuInventory,
    *,
    width: int = 200,
    ascii_only: bool = False,
    cuda: str | None = None,
    seconds: float | None = None,
) -> list[str]:
    visible = None if cuda is None else visible_cards(taken, {"CUDA_VISIBLE_DEVICES": cuda})
    lines = gpu_lines(taken, width=width, ascii_only=ascii_only, visible=visible, seconds=seconds)
    return [written(line, Paint(on=False), ascii_only=ascii_only) for line in lines]


def test_a_card_that_is_taken_and_has_no_process_yet_names_the_run() -> None:
    taken = shown(inventory(replace(IDLE, leased_by="llama\x1b-8b"), IDLE))
    assert [text.split()[-1] for text in taken[1:3]] == ["llama\\x1b-8b", "nobody"]


def test_a_wide_terminal_shows_all() -> None:
    taken = inventory(BUSY, IDLE, LOST, problems=(LOST_PROBLEM,))
    assert shown(taken, seconds=0.0312) == [
        " card  name            cc             memory              util   temp         power"
        "  health  used by",
        " 0     H100 80GB HBM3  9.0  56.0 of 80.0 GiB  ███████░░░  97 %  63 °C  612 of 700 W"
        "  ok      VLLM::EngineCore (pid 14256) and 1 more",
        " 1     H100 80GB HBM3  9.0   0.0 of 80.0 GiB  ░░░░░░░░░░   0 %  34 °C   71 of 700 W"
        "  ok      nobody",
        " 2     no longer answers",
        "",
        "driver 580.95.05, CUDA 13.0, 3 cards, 31 ms",
    ]


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (200, "card name cc memory util temp power health used by"),
        (80, "card name memory util health used by"),
        (60, "card name memory util temp health"),
        (46, "card name memory health"),
        (30, "card memory util"),
        (20, "card memory"),
    ],
)
def test_columns_go_by_importance(width: int, heads: str) -> None:
    head, *_, before, last = shown(inventory(BUSY), width=width)
    assert " ".join(head.split()) == heads
    gone = [word for word in ("power", "used by", "cc", "health") if word not in heads]
    assert all(word in before + last for word in gone)


def test_an_instance_is_named_and_a_slowed_card_is_marked() -> None:
    process = replace(BUSY.processes[0], instance="llama-8b")  # type: ignore[index]
    notes = tuple(
        Problem(code, "", "", index, Severity.INFO)
        for code, index in (
            ("throttled", 0),
            ("throttled", 1),
            ("pcie-width", 1),
            ("mig-parent", 0),
        )
    )
    taken = inventory(replace(BUSY, processes=(process,)), IDLE, problems=notes)
    _, first, second, *_ = shown(taken)
    assert first.endswith("ok, slowed  llama-8b (pid 14256)")
    assert second.endswith("ok, slowed, few PCIe lanes")


def test_slices_stand_below_their_card() -> None:
    small = MigDevice(0, "MIG-1", "1g.10gb", memory=GpuMemory(10 * GIB, GIB), processes=())
    large = MigDevice(
        1, "MIG-2", "3g.40gb", memory=GpuMemory(40 * GIB, 0),
        processes=(GpuProcess(7, ("compute",), GIB, "python"),),
    )  # fmt: skip
    parent = replace(IDLE, mig_enabled=True, mig_devices=(small, large))
    lines = shown(inventory(BUSY, parent), cuda="MIG-2")
    assert lines[3].split() == [
        "1:0",
        "-",
        "1g.10gb",
        "1.0",
        "of",
        "10.0",
        "GiB",
        "█░░░░░░░░░",
        "nobody",
    ]
    assert lines[4].split()[:3] == ["1:1", "0", "3g.40gb"]
    assert lines[4].endswith("python (pid 7)")


def test_how_cuda_reads_its_variable() -> None:
    taken = inventory(BUSY, IDLE)
    lines = shown(taken, cuda="1,7")
    assert lines[0].split()[:3] == ["card", "cuda", "name"]
    assert [line.split()[:2] for line in lines[1:3]] == [["0", "-"], ["1", "0"]]
    assert lines[4:6] == [
        "CUDA_VISIBLE_DEVICES=1,7: the column cuda has the numbers that programs use",
        "  7: there is no card 7: CUDA counts 2 from 0",
    ]
    assert shown(taken, cuda="")[4] == "CUDA_VISIBLE_DEVICES= hides every card: it is empty"
    assert shown(taken, cuda="x")[4] == (
        "CUDA_VISIBLE_DEVICES=x hides every card: `x` is neither an index nor a UUID"
    )
    assert "cuda" not in shown(taken)[0]


@given(st.integers(24, 220), st.booleans())
def test_no_row_is_wider_than_the_terminal(width: int, ascii_only: bool) -> None:
    wide = replace(IDLE, index=3, name="表" * 30, processes=(GpuProcess(1, (), None, "x" * 90),))
    lines = shown(
        inventory(BUSY, IDLE, LOST, wide, problems=(LOST_PROBLEM,)),
        width=width,
        ascii_only=ascii_only,
    )
    for line in lines:
        assert cells(line) <= width
        assert line == line.rstrip()


def test_a_terminal_of_ascii_gets_ascii() -> None:
    odd = replace(BUSY, name="NVIDIA \ufffd Grace GB10")
    for width in (200, 40):  # the name is cut at 40
        text = "\n".join(shown(inventory(odd), width=width, ascii_only=True))
        assert text.isascii()
    assert "#######..." in "\n".join(shown(inventory(odd), ascii_only=True))


def test_what_is_not_known_is_a_dash_with_its_reason_below() -> None:
    silent = replace(
        BUSY,
        power_watts=None,
        ecc_uncorrected_errors=None,
        row_remap_pending=None,
        row_remap_failed=None,
        utilization=GpuUtilization(None, None),
        unavailable={
            "power_watts": "the driver does not tell this user",
            "utilization.gpu_percent": "not supported by this card",
            "utilization.memory_percent": "not supported by this card",
            "row_remap_pending": "not supported by this card",
            "row_remap_failed": "not supported by this card",
            "ecc_uncorrected_errors": "not supported by this card",
        },
    )
    lines = shown(inventory(silent, replace(silent, index=1), replace(IDLE, index=2)))
    assert " 0 %" not in lines[1]
    assert " ok " not in lines[1]
    assert " ok " in lines[3]
    assert lines[4:-1] == [
        "",
        "util, health of cards 0, 1: not supported by this card",
        "power of cards 0, 1: the driver does not tell this user",
    ]


def test_the_worst_of_a_card_is_its_health() -> None:
    problems = (
        Problem("ecc-errors", "", "", 0),
        Problem("row-remap-failed", "", "", 0, Severity.ERROR),
        Problem("row-remap-pending", "", "", 1),
        Problem("of-another-time", "", "", 2),
    )
    lines = shown(inventory(BUSY, IDLE, replace(BUSY, index=2), problems=problems))
    assert "worn out" in lines[1]
    assert lines[2].endswith("row remap pending: reset before use")
    assert "of another time" in lines[3]
    narrow = shown(inventory(BUSY, IDLE, problems=problems), width=60)
    assert narrow[2].endswith("  remap pending")


@pytest.mark.parametrize("cuda", ["\x1b[31m", "0,\x1b[31m"])
def test_a_variable_does_not_steer_the_terminal(cuda: str) -> None:
    assert "\x1b" not in "".join(shown(inventory(BUSY, IDLE), cuda=cuda))


@pytest.mark.parametrize(
    ("action", "word"),
    [
        *(("drain-and-reset", "needs a reset"), ("system-reboot", "needs a reboot")),
        *(("drain-p2p", "has a fault"), ("unknown (77)", "has a fault")),
    ],
)
def test_a_reset_is_advised_where_the_driver_advises_one(action: str, word: str) -> None:
    message = "of a length that has no room"
    problems = (Problem("recovery-action", message, "", IDLE.index, Severity.ERROR),)
    card = replace(IDLE, recovery_action=action)
    assert shown(inventory(card, problems=problems), width=60)[1].endswith(f"  {word}")


def test_a_driver_without_a_version_is_said_to_be_unknown() -> None:
    taken = replace(inventory(IDLE), driver=Driver(None, None))
    assert shown(taken)[-1] == "driver unknown, CUDA unknown, 1 card"


def test_a_name_with_markup_is_shown_as_it_is() -> None:
    assert "[red]A card[/]" in shown(inventory(replace(IDLE, name="[red]A card[/]")))[1]
