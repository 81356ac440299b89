"""Which `mixvllm serve` the processes on the cards belong to."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mixvllm.engine import family
from mixvllm.gpu.inventory import Gpu, GpuInventory, GpuProcess
from mixvllm.services.lessee import Lessee


def with_instances(inventory: GpuInventory, leases: Mapping[str, Lessee]) -> GpuInventory:
    """The inventory with the name of the run of every process that descends from one."""
    names = {lessee.pid: lessee.name for lessee in leases.values() if lessee.pid is not None}
    if not names:
        return inventory
    return replace(inventory, gpus=tuple(_told(gpu, names) for gpu in inventory.gpus))


def _told(gpu: Gpu, names: Mapping[int, str]) -> Gpu:
    parts = gpu.mig_devices
    if parts is not None:
        parts = tuple(replace(part, processes=_named(part.processes, names)) for part in parts)
    return replace(gpu, processes=_named(gpu.processes, names), mig_devices=parts)


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
    while pid > 1:
        yield pid
        process = family.look(pid)
        pid = 0 if process is None else process.parent
