"""Why figures are missing where we run in a container, under Windows, or beside the host."""

from pathlib import Path
from typing import TYPE_CHECKING

from mixvllm.gpu.inventory import GpuInventory, Problem

if TYPE_CHECKING:
    from tests.gpu.nvml.double import Double

pytest_plugins = ["tests.gpu.nvml.double"]


def proc(folder: Path, *, container: bool = False) -> Path:
    from tests.gpu.nvml.double import write_proc

    return write_proc(folder / "proc", titles={}, container=container)


def only(inventory: GpuInventory) -> Problem:
    (problem,) = inventory.problems
    return problem


def test_processes_outside_a_container(nvml: "Double", tmp_path: Path) -> None:
    nvml.play("two-h100", "1.compute=3914502:536870912,3914503:536870912", "0.memory_used=0")
    note = only(nvml.inventory(proc(tmp_path, container=True)))
    assert (note.code, note.gpu, note.severity) == ("outside-container", 1, "info")
    assert note.message == "card 1: 2 processes outside this container hold 1.0 GiB"


def test_memory_that_nobody_here_holds(nvml: "Double", tmp_path: Path) -> None:
    note = only(nvml.inventory(proc(tmp_path, container=True)))
    assert note.message == "card 0: 56.0 GiB are held from outside this container"


def test_whose_it_is_cannot_be_said_where_somebody_here_has_the_driver_open(
    nvml: "Double", tmp_path: Path
) -> None:
    place = proc(tmp_path, container=True)
    (place / "12" / "fd").mkdir(parents=True)
    (place / "12" / "fd" / "4").symlink_to("/dev/nvidia0")
    nvml.play("two-h100", "1.compute=3914502:536870912")
    note = only(nvml.inventory(place))
    assert note.message == ("card 1: 1 process inside or outside this container holds 0.5 GiB")


def test_processes_that_a_machine_does_not_show(nvml: "Double", tmp_path: Path) -> None:
    nvml.play("two-h100", "1.compute=3914502:536870912,3914503:-")
    note = only(nvml.inventory(proc(tmp_path)))
    assert (note.code, note.gpu, note.severity) == ("outside-container", 1, "info")
    assert note.message == ("card 1: 2 processes that cannot be seen from here hold 0.5 GiB")
    assert "outside this container" in note.hint


def test_windows(nvml: "Double", tmp_path: Path) -> None:
    place = proc(tmp_path)
    (place / "sys" / "kernel").mkdir(parents=True)
    (place / "sys" / "kernel" / "osrelease").write_text("6.6.36.3-microsoft-standard-WSL2\n")
    nvml.play("wsl")
    inventory = nvml.inventory(place)
    assert only(inventory).code == "wsl"
    assert "WSL2" in only(inventory).message
    assert "WSL2" in inventory.gpus[0].unavailable["processes"]
    assert "WSL2" in inventory.gpus[0].unavailable["utilization.gpu_percent"]


def test_a_card_that_shares_the_memory_of_the_host(nvml: "Double", tmp_path: Path) -> None:
    place = proc(tmp_path)
    (place / "meminfo").write_text(
        "MemTotal:       125829120 kB\nMemFree:  1 kB\nMemAvailable:   104857600 kB\n"
    )
    nvml.play("gb10", "0.compute=", "0.graphics=")
    inventory = nvml.inventory(place)
    note = only(inventory)
    assert (note.code, note.gpu, note.severity) == ("shared-memory", 0, "info")
    assert note.message == (
        "card 0 shares the host's memory: 120.0 GiB in all, 100.0 GiB available now"
    )
    assert inventory.gpus[0].memory.total_bytes is None  # it is not the card's


def test_a_node_that_only_the_kernel_knows(nvml: "Double", tmp_path: Path) -> None:
    device = tmp_path / "bus" / "pci" / "devices" / "0000:01:00.0"
    device.mkdir(parents=True)
    nvml.play("wsl")
    (device / "numa_node").write_text("1\n")
    assert nvml.inventory(sys=tmp_path).gpus[0].numa_node == 1
    (device / "numa_node").write_text("-1\n")
    gpu = nvml.inventory(sys=tmp_path).gpus[0]
    assert gpu.numa_node is None
    assert "NUMA" in gpu.unavailable["numa_node"]
