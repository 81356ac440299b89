"""The fixtures of the NVML double: a library, a scenario, and a process that asks.

Use them in a test module with ``pytest_plugins = ["tests.gpu.nvml.double"]``.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gpu.nvml.playing import ROOT, Double, Stage, build, write_proc

__all__ = ["Double", "build", "write_proc"]


def _asked(library: Path, folder: Path) -> Iterator[Double]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.gpu.nvml.asker"],
        cwd=ROOT,
        env=Stage(library, folder).environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as asker:
        yield Double(library, folder, asker)
        asker.kill()


@pytest.fixture(scope="session")
def built_nvml(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Double]:
    folder = tmp_path_factory.mktemp("nvml")
    yield from _asked(build(folder), folder)


@pytest.fixture(scope="session")
def built_old_nvml(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Double]:
    folder = tmp_path_factory.mktemp("old-nvml")
    yield from _asked(build(folder, series="r470"), folder)


@pytest.fixture(scope="session")
def r535_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library of 535.54, for the scenario `r535`."""
    return build(tmp_path_factory.mktemp("r535"), series="r535.54")


@pytest.fixture
def own_nvml(built_nvml: Double, tmp_path: Path) -> Iterator[Double]:
    """As `nvml`, asked by a process that no other test uses: one that may be left hanging."""
    for double in _asked(built_nvml.library, tmp_path):
        double.play("two-h100")
        yield double


@pytest.fixture
def nvml(built_nvml: Double) -> Double:
    """The double of a driver of today, playing two healthy cards."""
    built_nvml.play("two-h100")
    built_nvml.calls()
    return built_nvml


@pytest.fixture
def old_nvml(built_old_nvml: Double) -> Double:
    """The double of a driver without the newest symbols, playing one card."""
    built_old_nvml.play("old-driver")
    built_old_nvml.calls()
    return built_old_nvml
