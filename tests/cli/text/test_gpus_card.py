"""One card whole: nothing that it tells is missing, and what it does not tell has a reason."""

from mixvllm.cli.text.cells import cells
from mixvllm.cli.text.gpus_card import card_lines
from mixvllm.core.diagnostic import Severity
from mixvllm.gpu.inventory import (
    FIELDS,
    Gpu,
    GpuClocks,
    MigDevice,
    PcieLink,
    Problem,
    RemappedRows,
    Xid,
)
from mixvllm.gpu.visible import visible_cards
from tests.cli.text.inventories import card, inventory, process, texts


def told(gpu: Gpu, *problems: Problem, width: int = 100, cuda: str | None = None) -> list[str]:
    taken = inventory(gpu, problems=problems)
    visible = None if cuda is None else visible_cards(taken, {"CUDA_VISIBLE_DEVICES": cuda})
    return texts(card_lines(gpu, taken, width=width, visible=visible))


def test_every_figure_has_its_unit() -> None:
    gpu = card(
        0,
        process(7, 5.5, user="anna"),
        pci_bus_id="00000000:1A:00.0",
        compute_capability=(9, 0),
        numa_node=1,
        temperature_celsius=63,
        memory_temperature_celsius=71,
        power_watts=612.3,
        power_limit_watts=700.0,
        fan_percent=30,
        clocks=GpuClocks(1980, 2619, 1980, 2619),
        throttle_reasons=("power cap",),
        pcie=PcieLink(4, 5, 8, 16, 3),
        persistence_mode=True,
        compute_mode="default",
        mig_enabled=False,
        ecc_enabled=True,
        ecc_corrected_errors=2,
        ecc_uncorrected_errors=0,
        remapped_rows=RemappedRows(1, 0),
        row_remap_failed=False,
        retired_pages_pending=False,
        recovery_action="none",
        xids=(Xid(31, "MMU fault", 120.0),),
    )
    page = "\n".join(" ".join(line.split()) for line in told(gpu))
    for line in (
        "UUID GPU-0", "bus 00000000:1A:00.0", "NUMA node 1", "compute capability 9.0",
        "persistence mode on", "MIG mode off", "total 80.00 GiB", "used 8.00 GiB",
        "kept by the driver 1.00 GiB", "utilisation 50 %", "temperature 63 °C",
        "memory temperature 71 °C", "power 612 of 700 W", "fan 30 %", "SM clock 1980 of 1980 MHz",
        "slowed down power cap", "generation 4 of 5", "lanes 8 of 16", "sent again 3 packets",
        "corrected errors 2", "uncorrected errors 0", "retirement pending no",
        "remap pending no", "remap failed no",
        "XID 31 MMU fault, 2 min ago", "5.5 GiB python (pid 7) anna",
    ):  # fmt: skip
        assert line in page
    assert "CUDA will see about 79.00 GiB: of this vLLM takes its gpu_memory_utilization" in page
    assert "not known" not in page


def test_what_is_not_told_has_its_reason() -> None:
    silent = Gpu(3, unavailable=dict.fromkeys(FIELDS, "the card is lost"))
    lost = Problem("card-lost", "card 3 no longer answers", "reboot", 3, Severity.ERROR)
    lines = told(silent, lost)
    assert lines[:3] == ["card 3  a card without a name  lost", "  no longer answers", "  reboot"]
    page = " ".join(" ".join(lines[3:]).split())
    assert "not known UUID, bus, NUMA node, compute capability, persistence mode, compute" in page
    assert (
        "not known total, used, free, kept by the driver, CUDA will see: the card is lost" in page
    )
    assert "not known generation, lanes, sent again: the card is lost" in page
    assert lines[-1] == "  - (the card is lost)"


def test_each_reason_has_a_line() -> None:
    gpu = card(
        0, temperature_celsius=40, power_watts=70.0, clocks=GpuClocks(1, 1, 1, 1),
        unavailable={"fan_percent": "no fan", "throttle_reasons": "too old",
                     "memory_temperature_celsius": "no fan"},
    )  # fmt: skip
    assert [line for line in told(gpu) if "not known" in line][1:3] == [
        "  not known           memory temperature, fan: no fan",
        "  not known           slowed down: too old",
    ]


def test_slices_and_their_processes() -> None:
    each = MigDevice(1, "MIG-5f", "1g.10gb", 7, 0, processes=(process(9, 2),))
    lines = told(card(0, mig_enabled=True, mig_devices=(each,)))
    assert "  0:1  1g.10gb     -  GPU instance 7, compute instance 0" in lines
    assert "       MIG-5f" in lines
    assert "     2.0 GiB  python (pid 9)" in lines


def test_how_cuda_knows_it() -> None:
    assert any(line.endswith("programs know it as device 0") for line in told(card(0), cuda="0"))
    assert any(line.endswith("hides it") for line in told(card(0), cuda="5"))


def test_many_processes_are_cut_with_a_way_to_see_them() -> None:
    lines = told(card(0, *(process(i, 1) for i in range(1, 30))))
    assert lines[-1] == "  and 9 more: `mixvllm gpus --processes` has all"


def test_a_narrow_terminal() -> None:
    assert (
        max(map(cells, told(Gpu(0, unavailable=dict.fromkeys(FIELDS, "a b " * 20)), width=50)))
        <= 50
    )
