"""What cards this machine has, now; and those of another one, as they were saved."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from mixvllm.core.errors import MachineFault
from mixvllm.core.regular_file import Unreadable, read_regular
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


def read_inventory(path: Path) -> GpuInventory:
    """An inventory that `mixvllm gpus --save` wrote. Raises MachineFault."""
    from mixvllm.gpu.saved import LARGEST, parse_inventory

    try:
        return parse_inventory(read_regular(path, at_most=LARGEST))
    except FileNotFoundError:
        why = "is not there"
    except (Unreadable, ValueError) as error:
        why = str(error)
    raise MachineFault(
        f"the inventory {path} {why}", hint="`mixvllm gpus --save FILE` writes one, over there"
    )


def save_inventory(inventory: GpuInventory, path: Path) -> None:
    """Write it whole or not at all: a reader never sees half of it. Raises MachineFault."""
    import json

    from mixvllm.services.files.new import write_new

    write_new(path, json.dumps(inventory.as_json(), indent=2) + "\n", force=True)
