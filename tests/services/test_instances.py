"""Whose processes are on the cards: real processes, told by their parents."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from mixvllm.gpu.inventory import Gpu, GpuInventory, GpuProcess, MigDevice
from mixvllm.services.instances import with_instances
from mixvllm.services.lessee import Lessee

ME = {"GPU-1": Lessee("llama-8b", os.getpid(), "anna")}


@pytest.fixture
def grandchild() -> Iterator[int]:
    """A process two below this one, as an engine is below its supervisor."""
    with subprocess.Popen(
        ["sh", "-c", "sh -c 'echo $$; read line; exit 0'; exit 0"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        yield int(child.stdout.readline())
        assert child.stdin is not None
        child.stdin.close()


def on_a_card(*pids: int, user: str | None = "anna") -> GpuInventory:
    processes = tuple(GpuProcess(pid, ("compute",), None, "python3", user) for pid in pids)
    parts = (MigDevice(0, processes=processes),)
    return GpuInventory(None, None, (Gpu(0, processes=processes), Gpu(1, mig_devices=parts)), ())


def instances(inventory: GpuInventory) -> list[str | None]:
    (first, second) = inventory.gpus
    assert second.mig_devices is not None
    told = [[one.instance for one in each or ()]
            for each in (first.processes, second.mig_devices[0].processes)]  # fmt: skip
    assert told[0] == told[1]
    return told[0]


def test_a_process_belongs_to_the_run_that_it_descends_from(grandchild: int) -> None:
    inventory = on_a_card(grandchild, os.getppid(), 2**22 - 1)
    assert instances(with_instances(inventory, ME)) == ["llama-8b", None, None]
    assert with_instances(inventory, {}) == inventory
    assert instances(with_instances(inventory, {"GPU-1": Lessee()})) == [None, None, None]


def test_a_card_is_named_after_the_run_that_has_taken_it() -> None:
    parts = (MigDevice(0, uuid="MIG-1"), MigDevice(1, uuid="MIG-2"))
    cards = (Gpu(0, uuid="GPU-1"), Gpu(1, uuid="GPU-2", mig_devices=parts), Gpu(2))
    leases = {"GPU-1": Lessee("llama-8b", 7, "anna"), "MIG-2": Lessee()}
    first, second, third = with_instances(GpuInventory(None, None, cards, ()), leases).gpus
    assert (first.leased_by, second.leased_by, third.leased_by) == ("llama-8b", None, None)
    told = [part.leased_by for part in second.mig_devices or ()]
    assert told == [None, "another `mixvllm serve`"]


def test_pids_of_another_namespace_are_nobody_s(grandchild: int) -> None:
    inventory = on_a_card(grandchild, user=None)
    assert instances(with_instances(inventory, ME)) == [None]
