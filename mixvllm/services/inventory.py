"""What cards this machine has, now."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from mixvllm.gpu.faults import DriverFault
from mixvllm.gpu.holder import PROC
from mixvllm.gpu.inventory import GpuInventory
from mixvllm.gpu.patience import PATIENCE, Patience


def _now() -> datetime:
    return datetime.now(UTC)


def take_inventory(
    *,
    proc: Path = PROC,
    patience: Patience = PATIENCE,
    now: Callable[[], datetime] = _now,
) -> GpuInventory:
    """All cards. Never raises for the machine: with no cards, ``problems`` says why."""
    # Loading the binding of NVML takes longer than asking a card; only this path pays for it.
    from mixvllm.gpu.collect import collect

    taken_at = now()
    try:
        told = collect(proc, patience)
    except DriverFault as fault:
        return GpuInventory(taken_at, fault.driver, (), (fault.problem,))
    return GpuInventory(taken_at, told.driver, told.gpus, told.problems)
