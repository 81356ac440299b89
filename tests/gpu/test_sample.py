"""The cheap look for live panes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.gpu.nvml.double import Double

pytest_plugins = ["tests.gpu.nvml.double"]

NAME = "NVIDIA H100 80GB HBM3"


def test_a_look_takes_four_calls_a_card(nvml: "Double") -> None:
    nvml.open_sampler()
    nvml.calls()
    first, second = nvml.sample()
    assert first == {
        "index": 0,
        "name": NAME,
        "memory_used_bytes": 60_129_542_144,
        "memory_total_bytes": 85_520_809_984,
        "utilization_percent": 97,
        "temperature_celsius": 63,
        "power_watts": 612.345,
        "power_limit_watts": 700.0,
    }
    assert second["utilization_percent"] == 0
    assert len(nvml.calls()) == 8


def test_it_follows_the_cards_and_forgets_what_they_no_longer_say(nvml: "Double") -> None:
    nvml.open_sampler()
    assert nvml.sample()[0]["utilization_percent"] == 97
    nvml.play("two-h100", "0.util_gpu=12", "0.ret.nvmlDeviceGetPowerUsage=4", "1.ret.*=15")
    first, second = nvml.sample()
    assert first["utilization_percent"] == 12
    assert first["power_watts"] is None
    assert second["name"] == NAME
    assert second["memory_used_bytes"] is None
    assert second["utilization_percent"] is None
    nvml.play("two-h100")
    assert nvml.sample()[1]["temperature_celsius"] == 34


def test_only_some_cards(nvml: "Double") -> None:
    nvml.open_sampler(1)
    (card,) = nvml.sample()
    assert card["index"] == 1
    assert not [call for call in nvml.calls() if call.endswith(" 0")]


def test_a_card_that_was_lost_from_the_start_stays_in_the_picture(nvml: "Double") -> None:
    nvml.play("two-h100", "0.ret.*=15")
    nvml.open_sampler()
    first, second = nvml.sample()
    assert first["name"] == "unknown"
    assert {value for key, value in first.items() if key not in ("index", "name")} == {None}
    assert second["name"] == NAME
