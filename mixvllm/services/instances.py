"""Which `mixvllm serve` has the cards, and the processes on them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from mixvllm.gpu.inventory import Gpu, GpuInventory, GpuProcess, MigDevice
from mixvllm.services.lessee import Lessee

Device = TypeVar("Device", Gpu, MigDevice)


def with_instances(inventory: GpuInventory, leases: Mapping[str, Lessee]) -> GpuInventory:
    """The inventory with the name of the run that has a card, and of every process that descends
    from one.
    """
    if not leases:
        return inventory
    names = {lessee.pid: lessee.name for lessee in leases.values() if lessee.pid is not None}
    gpus = tuple(_of_a_card(gpu, leases, names) for gpu in inventory.gpus)
    return replace(inventory, gpus=gpus)


def _of_a_card(gpu: Gpu, leases: Mapping[str, Lessee], names: Mapping[int, str]) -> Gpu:
    parts = gpu.mig_devices
    if parts is not None:
        parts = tuple(_told(part, leases, names) for part in parts)
    return replace(_told(gpu, leases, names), mig_devices=parts)


def _told(device: Device, leases: Mapping[str, Lessee], names: Mapping[int, str]) -> Device:
    lessee = leases.get(device.uuid or "")
    return replace(
        device,
        processes=_named(device.processes, names),
        leased_by=None if lessee is None else lessee.name or str(lessee),
    )


def _named(
    processes: tuple[GpuProcess, ...] | None, names: Mapping[int, str]
) -> tuple[GpuProcess, ...] | None:
    if processes is None:
        return None
    return tuple(replace(one, instance=_run_of(one, names)) for one in processes)


def _run_of(process: GpuProcess, names: Mapping[int, str]) -> str | None:
    if process.user is None:  # the driver counts pids as nobody here does
        return None
    return next((names[pid] for pid in _line(process.pid) if pid in names), None)


def _line(pid: int) -> Iterator[int]:
    """A process, its parent, and so on."""
    from mixvllm.engine import family  # 5 ms that a machine without a run is spared

    while pid > 1:
        yield pid
        process = family.look(pid)
        pid = 0 if process is None else process.parent
