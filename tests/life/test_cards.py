"""The cards beside the engine, through a real NVML library that answers, or hangs."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gpu.nvml import playing
from tests.life.fresh_cards import fresh_uuids, named_so
from tests.life.lives import Case, Life, eventually


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return playing.build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def uuids() -> Iterator[list[str]]:
    with fresh_uuids(2) as fresh:
        yield fresh


@pytest.fixture
def play(library: Path, tmp_path: Path, uuids: list[str]) -> Callable[..., dict[str, str]]:
    """The environment of a supervisor with two cards and further lines of a scenario."""

    def environment(*more: str) -> dict[str, str]:
        scenario = tmp_path / "scenario.txt"
        text = (playing.HERE / "scenarios" / "two-h100.txt").read_text()
        scenario.write_text("\n".join([text.replace("__PID__", "1"), *named_so(uuids), *more, ""]))
        return {
            "LD_LIBRARY_PATH": str(library.parent),
            "NVML_DOUBLE_SCENARIO": str(scenario),
            "NVML_DOUBLE_CALLS": str(tmp_path / "calls.txt"),
        }

    return environment


def cards(life: Life) -> list[dict[str, Any]]:
    """The cards as they were seen last."""
    samples = life.events("machine_sampled")
    return list(samples[-1]["cards"]) if samples else []


def stop(life: Life) -> None:
    life.wait_state("ready")
    began = time.monotonic()
    life.send(signal.SIGTERM)
    assert life.wait_exit() == 0
    assert time.monotonic() - began < 8.0


def test_what_the_cards_say(tmp_path: Path, play: Callable[..., dict[str, str]]) -> None:
    with Life(Case(tmp_path), env=play()) as life:
        first, second = eventually(lambda: cards(life), "two cards")
        assert (first["name"], first["utilization_percent"]) == ("NVIDIA H100 80GB HBM3", 97)
        assert second["temperature_celsius"] == 34
        stop(life)


def test_a_driver_that_hangs_at_its_first_word_holds_up_nothing(
    tmp_path: Path, play: Callable[..., dict[str, str]]
) -> None:
    with Life(Case(tmp_path), env=play("delay_ms.nvmlInitWithFlags=600000")) as life:
        life.wait_event("machine_sampled", cards=[])
        stop(life)
    assert "nvmlInitWithFlags" in (tmp_path / "calls.txt").read_text()


def test_a_card_that_hangs_later_keeps_its_name_and_holds_up_nothing(
    tmp_path: Path, play: Callable[..., dict[str, str]]
) -> None:
    with Life(Case(tmp_path), env=play()) as life:
        eventually(lambda: cards(life), "two cards")
        play("delay_ms.nvmlDeviceGetUtilizationRates=600000")  # from now on

        def silent() -> bool:
            seen = cards(life)
            return bool(seen) and seen[0]["utilization_percent"] is None

        eventually(silent, "a card without figures")
        assert cards(life)[0]["name"] == "NVIDIA H100 80GB HBM3"
        assert life.ask("anybody")["choices"]
        stop(life)
