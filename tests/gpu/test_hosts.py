"""The inventories that ship are what the collector reads from the machines that they name."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mixvllm.core.errors import MachineFault
from mixvllm.services.inventory import HOSTS, read_inventory
from mixvllm.testing.record_hosts import MACHINES, record

if TYPE_CHECKING:
    from tests.gpu.nvml.double import Double

pytest_plugins = ["tests.gpu.nvml.double"]


def test_all_that_ship_are_recorded() -> None:
    assert {file.stem for file in HOSTS.glob("*.json")} == MACHINES.keys()


@pytest.mark.parametrize("name", MACHINES)
def test_a_file_is_what_is_recorded(name: str, built_nvml: "Double", tmp_path: Path) -> None:
    recorded = json.loads(record(name, built_nvml.library, tmp_path))
    assert json.loads((HOSTS / f"{name}.json").read_text()) == recorded


@pytest.mark.parametrize("name", MACHINES)
def test_nothing_runs_there(name: str) -> None:
    inventory = read_inventory(Path(name.lower()))
    assert not [problem for problem in inventory.problems if problem.severity != "info"]
    for gpu in inventory.gpus:
        assert not gpu.processes
        assert not gpu.memory.used_bytes
        assert not any(part.processes for part in gpu.mig_devices or ())
    count = len(inventory.gpus)
    assert inventory.links is not None
    assert len(inventory.links) == count * (count - 1) // 2


def test_a_file_of_that_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "8xH100").write_text('{"format_version": 1, "gpus": []}')
    monkeypatch.chdir(tmp_path)
    assert read_inventory(Path("8xH100")).gpus == ()


def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(MachineFault) as fault:
        read_inventory(Path("9xH100"))
    assert str(fault.value) == "the inventory 9xH100 is not there"
    assert "8xH100" in fault.value.hint
    assert "--save" in fault.value.hint
