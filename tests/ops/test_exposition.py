"""What the endpoint exports, read by the official parser."""

from itertools import chain

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mixvllm.core.board import Board, Run, fold_all
from mixvllm.core.events import EngineSpawned, MachineSampled, StateChanged
from mixvllm.gpu.inventory import (
    Gpu,
    GpuClocks,
    GpuInventory,
    GpuMemory,
    MigDevice,
    PcieLink,
    Problem,
    Xid,
)
from mixvllm.ops.exposition import STATES, card_metrics, exposition, run_metrics

GIB = 2**30
RUN = Run("llama-8b", "org/model", "llama.yaml", "http://127.0.0.1:8000", "0.32.0", "/log")
H100 = Gpu(
    0,
    uuid="GPU-1",
    name="H100",
    pci_bus_id="00000000:1A:00.0",
    memory=GpuMemory(80 * GIB, 10 * GIB, 69 * GIB, 1 * GIB),
    clocks=GpuClocks(sm_mhz=1980),
    pcie=PcieLink(generation=5, width=8),
    xids=(Xid(31, "a"), Xid(79, "b")),
    ecc_uncorrected_errors=2,
    mig_devices=(MigDevice(0, "MIG-1", "1g.10gb", 7, 0, GpuMemory(10 * GIB, 1 * GIB, 9 * GIB)),),
)


def figures(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told(inventory: GpuInventory) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for (name, _), value in figures(exposition(card_metrics(inventory)).decode()).items():
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("mixvllm_gpu_fb_total", [81920, 10240]),
        ("mixvllm_gpu_fb_used", [10240, 1024]),
        ("mixvllm_gpu_fb_free", [70656, 9216]),
        ("mixvllm_gpu_fb_reserved", [1024]),
        ("mixvllm_gpu_sm_clock", [1980]),
        ("mixvllm_gpu_pcie_link_width", [8]),
        ("mixvllm_gpu_xid_errors", [79]),
        ("mixvllm_gpu_ecc_dbe_vol_total", [2]),
        ("mixvllm_gpu_cuda_memory_bytes", [79 * GIB]),
    ],
)
def test_figures_of_a_card_have_the_units_of_dcgm(name: str, values: list[float]) -> None:
    assert told(GpuInventory(None, None, (H100,), ()))[name] == values


def test_what_a_card_cannot_say_is_left_out() -> None:
    found = told(GpuInventory(None, None, (Gpu(0), H100), ()))
    assert len(found["mixvllm_gpu_sm_clock"]) == 1
    assert "mixvllm_gpu_gpu_temp" not in found


def test_no_xid_is_0() -> None:
    assert told(GpuInventory(None, None, (Gpu(0, xids=()),), ()))["mixvllm_gpu_xid_errors"] == [0]


def test_a_slice_has_its_own_labels() -> None:
    found = figures(exposition(card_metrics(GpuInventory(None, None, (H100,), ()))).decode())
    labels = [dict(key[1]) for key in found if key[0] == "mixvllm_gpu_fb_used"]
    assert [(which["GPU_I_PROFILE"], which["GPU_I_ID"]) for which in labels] == [
        ("", ""),
        ("1g.10gb", "7"),
    ]


def test_problems_by_code() -> None:
    lost = Problem("card-lost", "gone", "reset it", 1)
    problems = (lost, Problem("no-answer", "x", "y"), lost)
    text = exposition(card_metrics(GpuInventory(None, None, (), problems))).decode()
    assert text.count("card-lost") == 1
    found = figures(text)
    assert [dict(key[1]) for key in found] == [
        {"gpu": "1", "code": "card-lost"},
        {"gpu": "", "code": "no-answer"},
    ]


def test_the_figures_of_a_run() -> None:
    board = fold_all(
        Board(RUN),
        [
            EngineSpawned(1.0, 7, 1, ("vllm",)),
            EngineSpawned(2.0, 8, 2, ("vllm",)),
            MachineSampled(3.0, engine_cpu_percent=50.0, engine_memory_bytes=GIB),
            StateChanged(12.0, "ready", ""),
        ],
    )
    found = figures(exposition(run_metrics(board, 20.0)).decode())
    mine = (("instance", "llama-8b"),)
    assert found["mixvllm_ready", mine] == 1
    assert found["mixvllm_restarts_total", mine] == 1
    assert found["mixvllm_start_seconds", mine] == 10
    assert found["mixvllm_serving_seconds", mine] == 8
    assert found["mixvllm_engine_memory_bytes", mine] == GIB
    states = {dict(key[1])["state"]: v for key, v in found.items() if key[0].endswith("_state")}
    assert states == {state: float(state == "ready") for state in STATES}


def test_both_in_one_text() -> None:
    inventory = GpuInventory(None, None, (H100,), ())
    text = exposition(chain(run_metrics(Board(RUN), 1.0), card_metrics(inventory))).decode()
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families)
    assert all(family.documentation for family in families)
