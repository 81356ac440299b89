"""Looks at the cards again and again, whatever becomes of them."""

from collections import Counter
from collections.abc import Callable
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest

from mixvllm.gpu.inventory import GpuInventory

if TYPE_CHECKING:
    from tests.gpu.nvml.double import Double

pytest_plugins = ["tests.gpu.nvml.double"]

NAME = "NVIDIA H100 80GB HBM3"
MOST_CALLS = 12  # of a card in a look
SECONDS = 1.0  # that a look may take, whatever hangs


def eventually(double: "Double", holds: Callable[[GpuInventory], object]) -> GpuInventory:
    """The first look of which something holds; a card in trouble is tried anew now and then."""
    deadline = monotonic() + 20
    while True:
        seen = double.look()
        if holds(seen):
            return seen
        assert monotonic() < deadline, seen.problems
        sleep(0.05)


def codes(inventory: GpuInventory) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.gpu) for problem in inventory.problems]


@pytest.fixture
def watched(own_nvml: "Double") -> "Double":
    own_nvml.watch()
    eventually(own_nvml, lambda seen: [gpu.name for gpu in seen.gpus] == [NAME, NAME])
    own_nvml.calls()
    return own_nvml


def test_a_look_takes_few_calls_and_is_still_complete(watched: "Double") -> None:
    watched.play("two-h100", "0.compute=1:1000,77:2000", "0.graphics=99:500", "1.compute=5:1")
    watched.calls()
    seen = watched.look()
    calls = Counter(call.partition(" ")[2] for call in watched.calls())
    assert calls["0"] <= MOST_CALLS
    assert calls["1"] <= MOST_CALLS
    first, second = seen.gpus
    assert first.power_limit_watts == 700  # told by the first look
    assert first.recovery_action == "none"
    assert first.processes is not None
    assert [process.pid for process in first.processes] == [1, 77, 99]
    assert second.processes is not None
    assert len(second.processes) == 1


def test_what_a_card_can_never_say_is_not_asked_each_time(own_nvml: "Double") -> None:
    own_nvml.play("two-h100", "*.ret.nvmlDeviceGetPowerUsage=3")
    own_nvml.watch()
    eventually(own_nvml, lambda seen: seen.gpus)
    own_nvml.calls()
    assert own_nvml.look().gpus[0].unavailable["power_watts"] == "not supported by this card"
    assert "nvmlDeviceGetPowerUsage 0" not in own_nvml.calls()


def test_what_changes_slowly_is_asked_again(watched: "Double") -> None:
    watched.play("two-h100", "0.power_limit_mw=500000")
    assert watched.look().gpus[0].power_limit_watts == 700
    eventually(watched, lambda seen: seen.gpus[0].power_limit_watts == 500)


def test_it_follows_the_cards(watched: "Double") -> None:
    watched.play("two-h100", "0.util_gpu=12", "0.ret.nvmlDeviceGetPowerUsage=4")
    first = watched.look().gpus[0]
    assert first.utilization.gpu_percent == 12
    assert first.power_watts is None
    assert first.unavailable["power_watts"] == "the driver does not tell this user"
    watched.play("two-h100")
    first = watched.look().gpus[0]
    assert first.power_watts == 612.345
    assert "power_watts" not in first.unavailable


def test_a_lost_card_keeps_its_name_and_comes_back(watched: "Double") -> None:
    watched.play("two-h100", "1.ret.*=15")
    seen = watched.look()
    assert codes(seen) == [("card-lost", 1)]
    lost = seen.gpus[1]
    assert (lost.name, lost.memory.total_bytes) == (NAME, 85_520_809_984)
    assert (lost.memory.used_bytes, lost.utilization.gpu_percent) == (None, None)
    assert lost.unavailable["utilization.gpu_percent"] == "the card is lost"
    assert seen.gpus[0].utilization.gpu_percent == 97
    watched.play("two-h100")
    back = eventually(watched, lambda seen: not seen.problems)
    assert back.gpus[1].temperature_celsius == 34


@pytest.mark.parametrize("lock", [(), ("global_lock=1",)], ids=["alone", "all"])
def test_a_card_that_hangs_costs_nobody_a_second_and_comes_back(
    watched: "Double", lock: tuple[str, ...]
) -> None:
    watched.play("two-h100", "0.delay_ms.nvmlDeviceGetUtilizationRates=600000", *lock)
    for _ in range(4):
        began = monotonic()
        seen = watched.look()
        taken = monotonic() - began
        assert codes(seen) == [("no-answer", 0)]
        stuck, well = seen.gpus
        assert (stuck.name, stuck.utilization.gpu_percent) == (NAME, None)
        assert "timed out after" in stuck.unavailable["utilization.gpu_percent"]
        assert well.utilization.gpu_percent == 0
        assert well.unavailable.keys() == {"fan_percent", "retired_pages_pending"}
    assert taken < SECONDS
    watched.play("two-h100")
    back = eventually(watched, lambda seen: not seen.problems)
    assert back.gpus[0].utilization.gpu_percent == 97


def test_a_stuck_card_is_not_asked_each_time(watched: "Double") -> None:
    watched.play("two-h100", "0.delay_ms.nvmlDeviceGetUtilizationRates=600000")
    eventually(watched, lambda seen: codes(seen) == [("no-answer", 0)])
    watched.calls()
    assert codes(watched.look()) == [("no-answer", 0)]
    calls = watched.calls()
    assert [call for call in calls if call.endswith(" 1")]
    assert not [call for call in calls if call.endswith(" 0")]


def test_cards_that_are_added_and_taken_away(watched: "Double") -> None:
    watched.play("eight-h100")
    assert len(eventually(watched, lambda seen: len(seen.gpus) != 2).gpus) == 8
    watched.play("no-cards")
    assert codes(eventually(watched, lambda seen: not seen.gpus)) == [("no-cards", None)]
    watched.play("two-h100")
    assert len(eventually(watched, lambda seen: seen.gpus).gpus) == 2


def test_a_driver_that_goes_and_comes_back(watched: "Double") -> None:
    watched.play("not-loaded")
    gone = eventually(watched, lambda seen: not seen.gpus)
    assert codes(gone) == [("driver-not-loaded", None)]
    watched.play("two-h100")
    assert codes(eventually(watched, lambda seen: seen.gpus)) == []


def test_a_driver_that_hangs_as_a_whole(watched: "Double") -> None:
    watched.play("two-h100", "delay_ms.nvmlDeviceGetCount_v2=600000")
    began = monotonic()
    seen = watched.look()
    assert monotonic() - began < SECONDS + 0.5  # a test machine may be busy
    assert codes(seen) == [("no-answer", 0), ("no-answer", 1)]
    assert [gpu.name for gpu in seen.gpus] == [NAME, NAME]


def test_a_card_is_cut_into_slices(watched: "Double") -> None:
    watched.play("h100-mig")
    seen = eventually(watched, lambda seen: seen.gpus[0].mig_devices)
    assert seen.gpus[0].mig_enabled is True
    parts = seen.gpus[0].mig_devices
    assert parts is not None
    assert [part.profile for part in parts] == ["3g.40gb", "1c.2g.20gb", "1c.2g.20gb", "1g.10gb"]


def test_without_processes_none_are_asked(own_nvml: "Double") -> None:
    own_nvml.watch(processes=False)
    assert eventually(own_nvml, lambda seen: seen.gpus).gpus[0].processes is None
    assert not [call for call in own_nvml.calls() if "Processes" in call]
