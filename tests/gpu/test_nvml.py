"""What is read through the real binding from a library that plays scenarios."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mixvllm.gpu.inventory import FIELDS, Driver, Gpu, GpuInventory, GpuProcess

if TYPE_CHECKING:
    from tests.gpu.nvml.double import Double

pytest_plugins = ["tests.gpu.nvml.double"]

H100_BYTES = 85_520_809_984
RESERVED_BYTES = 548_732_928


# What cards of a data centre do not have.
NEVER = {
    "fan_percent": "the card has no fan of its own",
    "retired_pages_pending": "not supported by this card",
}


def unknown_fields(gpu: Gpu) -> set[str]:
    """The figures that are null in the JSON."""
    document = gpu.as_json()
    groups = {key: value for key, value in document.items() if isinstance(value, dict)}
    flat = document | {
        f"{group}.{key}": value for group, found in groups.items() for key, value in found.items()
    }
    return {name for name in FIELDS if flat[name] is None}


def assert_every_null_has_its_reason(inventory: GpuInventory) -> None:
    for gpu in inventory.gpus:
        reasons = {name for name in gpu.unavailable if not name.startswith("processes.")}
        assert reasons - {"memory.cuda_total_bytes"} == unknown_fields(gpu)
        assert "not asked" not in gpu.unavailable.values()


def codes(inventory: GpuInventory) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.gpu) for problem in inventory.problems]


def test_two_healthy_cards(nvml: "Double") -> None:
    inventory = nvml.inventory()
    assert inventory.driver == Driver("580.95.05", "13.0")
    assert inventory.problems == ()
    assert [gpu.index for gpu in inventory.gpus] == [0, 1]
    first, second = inventory.gpus
    assert first.name == "NVIDIA H100 80GB HBM3"
    assert first.uuid == "GPU-11111111-2222-3333-4444-555555555555"
    assert first.pci_bus_id == "00000000:1A:00.0"
    assert first.compute_capability == (9, 0)
    assert first.memory.total_bytes == H100_BYTES
    assert first.memory.used_bytes == 60_129_542_144
    assert first.memory.reserved_bytes == RESERVED_BYTES
    assert first.memory.free_bytes == H100_BYTES - 60_129_542_144 - RESERVED_BYTES
    assert (first.utilization.gpu_percent, first.utilization.memory_percent) == (97, 41)
    assert first.temperature_celsius == 63
    assert (first.power_watts, first.power_limit_watts) == (612.345, 700)
    assert first.mig_enabled is False
    assert first.ecc_uncorrected_errors == 0
    assert (first.row_remap_pending, first.row_remap_failed) == (False, False)
    assert first.processes == ()
    assert second.utilization.gpu_percent == 0
    assert second.memory.used_bytes == 0
    assert first.unavailable == second.unavailable == NEVER


def test_a_card_is_asked_no_more_than_it_needs(nvml: "Double") -> None:
    nvml.inventory()
    calls = nvml.calls()
    assert calls[0] == "nvmlInitWithFlags"
    assert sum(call.endswith(" 1") for call in calls) <= 42


def test_what_a_card_does_not_support_is_null_with_a_reason(nvml: "Double") -> None:
    nvml.play("geforce")
    inventory = nvml.inventory()
    (gpu,) = inventory.gpus
    assert unknown_fields(gpu) >= {
        *("mig_enabled", "mig_devices", "ecc_enabled", "ecc_uncorrected_errors"),
        *("row_remap_pending", "row_remap_failed", "remapped_rows.correctable"),
    }
    assert set(gpu.unavailable.values()) <= {
        "not supported by this card",
        "the machine does not say on which NUMA node the card is",
    }
    assert inventory.problems == ()
    assert gpu.memory.used_bytes == 2**30


def test_one_field_without_permission(nvml: "Double") -> None:
    nvml.play("two-h100", "0.ret.nvmlDeviceGetPowerUsage=4")
    inventory = nvml.inventory()
    first, second = inventory.gpus
    assert first.power_watts is None
    assert first.unavailable == NEVER | {"power_watts": "the driver does not tell this user"}
    assert second.power_watts == 71.2
    assert inventory.problems == ()


@pytest.mark.parametrize("function", ["Name", "UUID", "PciInfo_v3", "MemoryInfo_v2"])
def test_no_single_refusal_ends_the_look(nvml: "Double", function: str) -> None:
    nvml.play("two-h100", f"ret.nvmlDeviceGet{function}=4")
    inventory = nvml.inventory()
    assert len(inventory.gpus) == 2
    assert inventory.gpus[0].temperature_celsius == 63
    reasons = {*inventory.gpus[0].unavailable.values()} - {*NEVER.values()}
    assert "the driver does not tell this user" in reasons
    assert_every_null_has_its_reason(inventory)


def test_an_answer_that_the_binding_has_no_word_for(nvml: "Double") -> None:
    nvml.play("two-h100", "1.ret.nvmlDeviceGetUtilizationRates=777")
    reasons = nvml.inventory().gpus[1].unavailable
    assert reasons["utilization.gpu_percent"] == (
        "the driver answered 'error 777 of the double' (NVML error 777)"
    )


def test_figures_that_the_driver_has_not_got(nvml: "Double") -> None:
    """-1 in a figure without a sign is NVML's word for that."""
    nvml.play(
        "two-h100",
        *("0.util_gpu=4294967295", "0.power_mw=4294967295", "0.pcie_width=4294967295"),
        *("0.memory_reserved=18446744073709551615", "0.cc=-1.-1"),
    )
    inventory = nvml.inventory()
    first, second = inventory.gpus
    assert unknown_fields(first) - unknown_fields(second) == {
        *("utilization.gpu_percent", "power_watts", "pcie.width"),
        *("memory.reserved_bytes", "compute_capability"),
    }
    assert first.unavailable["power_watts"] == "the driver has no figure for it"
    assert_every_null_has_its_reason(inventory)


def test_the_driver_as_a_whole_may_answer_that_a_card_is_lost(nvml: "Double") -> None:
    nvml.play(
        *("two-h100", "ret.nvmlSystemGetDriverVersion=15"),
        "ret.nvmlSystemGetCudaDriverVersion_v2=16",
    )
    inventory = nvml.inventory()
    assert inventory.driver == Driver(None, None)
    assert [gpu.name for gpu in inventory.gpus] == ["NVIDIA H100 80GB HBM3"] * 2
    assert inventory.problems == ()


def test_a_driver_that_has_lost_count(nvml: "Double") -> None:
    nvml.play("two-h100", "gpus=4294967295")
    inventory = nvml.inventory()
    assert codes(inventory) == [("driver-error", None)]
    assert "it counts 4294967295 cards" in inventory.problems[0].message


def test_a_lost_card_beside_a_good_one(nvml: "Double") -> None:
    nvml.play("two-h100", "1.ret.*=15")
    inventory = nvml.inventory()
    good, lost = inventory.gpus
    assert good.name == "NVIDIA H100 80GB HBM3"
    assert good.unavailable == NEVER
    assert lost == Gpu(1, unavailable=dict.fromkeys(FIELDS, "the card is lost"))
    assert codes(inventory) == [("card-lost", 1)]
    assert inventory.problems[0].message == "card 1 no longer answers: the card is lost"
    assert "xid" in inventory.problems[0].hint


def test_a_card_that_is_lost_while_it_is_asked(nvml: "Double") -> None:
    nvml.play("two-h100", "1.ret.nvmlDeviceGetUtilizationRates=15")
    inventory = nvml.inventory()
    lost = inventory.gpus[1]
    assert lost.memory.total_bytes == H100_BYTES
    assert lost.unavailable["temperature_celsius"] == "the card is lost"
    assert codes(inventory) == [("card-lost", 1)]
    assert_every_null_has_its_reason(inventory)
    assert "nvmlDeviceGetTemperatureV 1" not in nvml.calls()


def test_a_card_without_a_handle(nvml: "Double") -> None:
    nvml.play("two-h100", "0.ret.nvmlDeviceGetHandleByIndex_v2=4")
    inventory = nvml.inventory()
    assert codes(inventory) == [("card-error", 0)]
    assert inventory.gpus[0].unavailable["name"] == "the driver does not tell this user"
    assert inventory.gpus[1].name == "NVIDIA H100 80GB HBM3"
    assert_every_null_has_its_reason(inventory)


def test_a_driver_without_the_newest_symbols(old_nvml: "Double") -> None:
    inventory = old_nvml.inventory()
    (gpu,) = inventory.gpus
    assert inventory.driver == Driver("470.223.02", "11.4")
    assert gpu.memory.reserved_bytes is None
    assert gpu.memory.used_bytes == 2**30 + 478_150_656
    assert gpu.unavailable["memory.reserved_bytes"] == (
        "the driver is too old to tell it apart: it is inside used_bytes"
    )
    assert gpu.temperature_celsius == 55
    assert gpu.processes is not None
    assert [(item.pid, item.memory_bytes) for item in gpu.processes] == [(os.getpid(), 2**30)]
    assert_every_null_has_its_reason(inventory)


def test_a_name_that_is_no_utf8(nvml: "Double") -> None:
    nvml.play("two-h100", r"0.name=NVIDIA \xff\xfe GB10", r"1.uuid=GPU-\xe9")
    first, second = nvml.inventory().gpus
    assert first.name == "NVIDIA \ufffd\ufffd GB10"
    assert second.uuid == "GPU-\ufffd"


def test_figures_that_no_card_can_have_are_not_told(nvml: "Double") -> None:
    nvml.play("two-h100", "0.memory_used=100000000000")  # more than 80 GB: so "free" wraps around
    gpu = nvml.inventory().gpus[0]
    assert gpu.memory.total_bytes is not None
    assert (gpu.memory.used_bytes, gpu.memory.free_bytes) == (None, None)
    assert gpu.unavailable["memory.free_bytes"] == "the driver tells more than the card has"


def test_memory_that_is_shared_with_the_host_is_not_zero(nvml: "Double") -> None:
    nvml.play("two-h100", "0.memory_total=0", "0.memory_reserved=0", "0.memory_used=0")
    inventory = nvml.inventory()
    assert inventory.gpus[0].memory.total_bytes is None
    assert "shares the host's" in inventory.gpus[0].unavailable["memory.total_bytes"]
    assert_every_null_has_its_reason(inventory)


def test_mig_mode_explains_what_is_missing(nvml: "Double") -> None:
    nvml.play("two-h100", "0.mig=1", "0.ret.nvmlDeviceGetUtilizationRates=3")
    gpu = nvml.inventory().gpus[0]
    assert gpu.mig_enabled is True
    assert gpu.unavailable["utilization.gpu_percent"] == "not told for a card in MIG mode"


def test_a_slice_that_does_not_tell_all(nvml: "Double") -> None:
    nvml.play("h100-mig", "0.mig.1.ret.nvmlDeviceGetMemoryInfo_v2=999")
    gpu = nvml.inventory().gpus[0]
    assert gpu.mig_devices is not None
    assert [part.memory.total_bytes is None for part in gpu.mig_devices[:3]] == [False, True, False]
    assert "(NVML error 999)" in gpu.unavailable["mig_devices.memory"]


def test_the_health_of_the_memory(nvml: "Double") -> None:
    nvml.play("two-h100", "0.rows_pending=1", "1.rows_failed=1", "1.ecc_uncorrected=3")
    inventory = nvml.inventory()
    assert codes(inventory) == [
        ("row-remap-pending", 0),
        ("row-remap-failed", 1),
        ("ecc-errors", 1),
    ]
    assert "3 uncorrectable memory errors" in inventory.problems[2].message


def test_processes_are_named(nvml: "Double", tmp_path: Path) -> None:
    from tests.gpu.nvml.double import write_proc

    nvml.play("two-h100", "0.compute=4242:1000,77:-", "0.graphics=4242:1000,99:500")
    proc = write_proc(
        tmp_path / "proc",
        titles={
            77: b"/usr/bin/python3\0-m\0vllm\0",
            4242: b"VLLM::EngineCore\0\0",
            99: b"a\x1b[2J",
        },
    )
    (gpu, _) = nvml.inventory(proc).gpus
    assert gpu.processes is not None
    assert [(item.pid, item.kinds, item.memory_bytes, item.name) for item in gpu.processes] == [
        (77, ("compute",), None, "python3"),
        (99, ("graphics",), 500, "a?[2J"),
        (4242, ("compute", "graphics"), 1000, "VLLM::EngineCore"),
    ]
    assert {item.user for item in gpu.processes} == {tmp_path.owner()}
    assert gpu.unavailable == NEVER | {
        "processes.memory_bytes": "the driver does not tell it apart"
    }


def test_a_process_that_is_gone_keeps_its_pid(nvml: "Double", tmp_path: Path) -> None:
    from tests.gpu.nvml.double import write_proc

    nvml.play("two-h100", "0.compute=77:1000")
    gpu = nvml.inventory(write_proc(tmp_path / "proc", titles={})).gpus[0]
    assert gpu.processes == (GpuProcess(77, ("compute",), 1000),)
    assert gpu.unavailable["processes.name"] == "the process ended, or is hidden from this user"


def test_nobody_is_named_inside_a_container(nvml: "Double", tmp_path: Path) -> None:
    from tests.gpu.nvml.double import write_proc

    nvml.play("two-h100", "0.compute=77:1000")
    proc = write_proc(tmp_path / "proc", titles={77: b"somebody-else\0"}, container=True)
    gpu = nvml.inventory(proc).gpus[0]
    assert gpu.processes == (GpuProcess(77, ("compute",), 1000),)
    assert "container" in gpu.unavailable["processes.name"]


def test_the_drivers_whose_process_records_are_longer(nvml: "Double") -> None:
    lines = ["driver=535.54.03", "long_records=1", "0.compute=5:1000,6:2000"]
    nvml.play("two-h100", *lines)
    processes = nvml.inventory().gpus[0].processes
    assert processes is not None
    assert [(item.pid, item.memory_bytes) for item in processes] == [(5, 1000), (6, 2000)]


def test_the_driver_is_not_loaded(nvml: "Double") -> None:
    nvml.stop_playing()
    inventory = nvml.inventory()
    assert inventory.driver is None
    assert inventory.gpus == ()
    assert codes(inventory) == [("driver-not-loaded", None)]
    assert "not loaded" in inventory.problems[0].message
    assert "modprobe nvidia" in inventory.problems[0].hint


OPEN_MODULE = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n"
    "GCC version:  gcc version 13.3.0\n"
)
CLOSED_MODULE = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Tue Sep 23 10:11:41\n"


@pytest.mark.parametrize("kernel", [OPEN_MODULE, CLOSED_MODULE], ids=["open", "closed"])
def test_library_and_kernel_of_two_versions(nvml: "Double", tmp_path: Path, kernel: str) -> None:
    from tests.gpu.nvml.double import write_proc

    nvml.play("mismatch")
    inventory = nvml.inventory(write_proc(tmp_path / "proc", kernel=kernel, titles={}))
    assert codes(inventory) == [("version-mismatch", None)]
    assert inventory.problems[0].message == (
        "the kernel has NVIDIA driver 580.65.06, but libnvidia-ml.so.1 is of 580.95.05"
    )
    assert "reboot" in inventory.problems[0].hint


def test_no_permission_to_talk_to_the_driver(nvml: "Double") -> None:
    nvml.play("two-h100", "ret.nvmlInitWithFlags=4")
    assert codes(nvml.inventory()) == [("no-permission", None)]


def test_a_driver_that_refuses_for_a_reason_of_its_own(nvml: "Double") -> None:
    nvml.play("two-h100", "ret.nvmlInitWithFlags=999")
    inventory = nvml.inventory()
    assert codes(inventory) == [("driver-error", None)]
    assert "(NVML error 999)" in inventory.problems[0].message


def test_no_cards(nvml: "Double") -> None:
    nvml.play("no-cards")
    inventory = nvml.inventory()
    assert inventory.driver == Driver("580.95.05", "13.0")
    assert inventory.gpus == ()
    assert codes(inventory) == [("no-cards", None)]


def test_the_driver_comes_back(nvml: "Double") -> None:
    nvml.stop_playing()
    assert nvml.inventory().gpus == ()
    nvml.play("two-h100")
    assert len(nvml.inventory().gpus) == 2
