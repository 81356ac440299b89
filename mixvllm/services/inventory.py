"""What cards this machine has, now; and those of another one, as they were saved."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mixvllm import gpu
from mixvllm.core.errors import MachineFault
from mixvllm.core.regular_file import Unreadable, read_regular
from mixvllm.gpu.collect import collect
from mixvllm.gpu.inventory import GpuInventory
from mixvllm.gpu.patience import PATIENCE, Patience
from mixvllm.gpu.process import DEFAULT, Collector, Scope
from mixvllm.services.instances import with_instances
from mixvllm.services.lease import holders

HOSTS: Final = Path(gpu.__path__[0]) / "hosts"


def _now() -> datetime:
    return datetime.now(UTC)


def take_inventory(
    scope: Scope = DEFAULT,
    *,
    patience: Patience = PATIENCE,
    started: Collector | None = None,
    waking: Callable[[], None] | None = None,
    now: Callable[[], datetime] = _now,
) -> GpuInventory:
    """All cards. Never raises for the machine: with no cards, ``problems`` says why.

    ``started`` is a collector of that scope that is at work already. ``waking`` is called once if
    it takes a while, because the driver wakes its cards first.
    """
    told = collect(scope, patience, started=started, waking=waking)
    taken = GpuInventory(now(), told.driver, told.gpus, told.problems, told.links)
    return with_instances(taken, holders())


def read_inventory(path: Path) -> GpuInventory:
    """An inventory that `mixvllm gpus --save` wrote, or one of the machines that ship with us,
    by its name: ``8xH100``. A file of that name wins. Raises MachineFault.
    """
    from mixvllm.gpu.saved import LARGEST, parse_inventory

    try:
        return parse_inventory(read_regular(path, at_most=LARGEST))
    except FileNotFoundError:
        shipped = {file.stem.lower(): file for file in sorted(HOSTS.glob("*.json"))}
        file = shipped.get(str(path).lower())
        if file is not None:
            return parse_inventory(file.read_bytes())
        names = ", ".join(file.stem for file in shipped.values())
        raise MachineFault(
            f"the inventory {path} is not there",
            hint="`mixvllm gpus --save FILE` writes one, over there; "
            f"or name a machine that comes along: {names}",
        ) from None
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
