"""A driver that hangs holds nobody up, and what is known by then is kept."""

import re
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.gpu.nvml.double import Double

pytest_plugins = ["tests.gpu.nvml.double"]

NEVER = {"fan_percent", "retired_pages_pending"}
HANGS_MS = 60_000  # far beyond every limit below, and beyond the life of the process


def test_a_card_that_hangs_leaves_the_other_complete(own_nvml: "Double") -> None:
    own_nvml.play("two-h100", f"0.delay_ms.nvmlDeviceGetUtilizationRates={HANGS_MS}")
    began = monotonic()
    inventory = own_nvml.inventory(silence=0.5)
    assert monotonic() - began < 10
    slow, good = inventory.gpus
    assert set(good.unavailable) == NEVER
    assert slow.name == "NVIDIA H100 80GB HBM3"
    assert slow.memory.used_bytes == 60_129_542_144
    assert slow.temperature_celsius is None
    (reason,) = {why for name, why in slow.unavailable.items() if name not in NEVER}
    assert re.fullmatch(r"timed out after \d+ ms in the driver", reason)
    assert [(problem.code, problem.gpu) for problem in inventory.problems] == [("no-answer", 0)]


def test_a_card_that_does_not_wake_up(own_nvml: "Double") -> None:
    own_nvml.play("two-h100", f"1.delay_ms.nvmlDeviceGetHandleByIndex_v2={HANGS_MS}")
    inventory = own_nvml.inventory(silence=0.5)
    assert set(inventory.gpus[0].unavailable) == NEVER
    assert "timed out after" in inventory.gpus[1].unavailable["name"]


def test_waking_up_takes_longer_than_answering(own_nvml: "Double") -> None:
    own_nvml.play("two-h100", "delay_ms.nvmlDeviceGetHandleByIndex_v2=1500")
    inventory = own_nvml.inventory(silence=0.4)
    assert inventory.problems == ()


def test_a_driver_that_hangs_as_a_whole(own_nvml: "Double") -> None:
    own_nvml.play("two-h100", f"delay_ms.nvmlInitWithFlags={HANGS_MS}")
    inventory = own_nvml.inventory(open=0.5)
    assert inventory.driver is None
    assert inventory.gpus == ()
    assert inventory.problems[0].code == "no-answer"
    assert inventory.problems[0].message == "the NVIDIA driver did not answer within 0.5 s"


def test_the_cards_are_asked_at_once(own_nvml: "Double") -> None:
    lines = [f"{card}.delay_ms.nvmlDeviceGetHandleByIndex_v2=800" for card in range(8)]
    own_nvml.play("two-h100", "gpus=8", *lines)
    began = monotonic()
    assert len(own_nvml.inventory().gpus) == 8
    assert monotonic() - began < 8 * 0.8
