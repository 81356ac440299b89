"""A real NVML library that plays scenarios, and a process that asks it through nvidia-ml-py.

``double.c`` is compiled once per test run into a ``libnvidia-ml.so.1``; the loader finds it by
``LD_LIBRARY_PATH``, so the binding and all of our code run as they do on a machine with cards.
They run in a process of their own: a process keeps the first NVML that it has loaded, and the
one that runs the tests should have none.

Use it in a test module with ``pytest_plugins = ["tests.gpu.nvml.double"]``.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mixvllm.gpu.holder import PROC
from mixvllm.gpu.inventory import GpuInventory
from mixvllm.gpu.saved import inventory_from_json

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


@dataclass(frozen=True)
class Double:
    """A library, the scenario it plays, the calls it was made, and somebody who asks it."""

    library: Path
    scenario: Path
    calls_file: Path
    asker: "subprocess.Popen[str]"

    def play(self, name: str, *more: str) -> None:
        """Play a scenario of scenarios/, with further lines; ``__PID__`` is this process."""
        text = (HERE / "scenarios" / f"{name}.txt").read_text()
        self.play_text("\n".join([text.replace("__PID__", str(os.getpid())), *more, ""]))

    def play_text(self, text: str) -> None:
        """Play a scenario, from the next call on."""
        fresh = self.scenario.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.scenario)  # another inode: seen even within one tick of the clock

    def stop_playing(self) -> None:
        """No scenario: the driver is not loaded."""
        self.scenario.unlink()

    def environment(self) -> dict[str, str]:
        """The environment of a process that is to find this library, and no colours."""
        return environment(self.library.parent, self.scenario, self.calls_file)

    def calls(self) -> list[str]:
        """What was called since the last look, e.g. ``nvmlDeviceGetName 0``."""
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return lines

    def inventory(
        self, proc: Path = PROC, *, attach: float = 10.0, read: float = 10.0, opening: float = 10.0
    ) -> GpuInventory:
        """What `take_inventory` says; the limits are in seconds."""
        limits = {"open": opening, "attach": attach, "read": read}
        answer = self._ask({"do": "inventory", "proc": str(proc), "patience": limits})
        return inventory_from_json(answer)

    def open_sampler(self, *indices: int) -> None:
        """Open a `CardSampler` for these cards, or for all."""
        self._ask({"do": "open_sampler", "indices": list(indices) or None})

    def sample(self) -> list[dict[str, object]]:
        """One look of the sampler, as dicts of CardSampled."""
        answer = self._ask({"do": "sample"})
        assert isinstance(answer, list)
        return answer

    def _ask(self, request: dict[str, object]) -> object:
        assert self.asker.stdin is not None
        assert self.asker.stdout is not None
        self.asker.stdin.write(json.dumps(request) + "\n")
        self.asker.stdin.flush()
        line = self.asker.stdout.readline()
        assert line, "the asking process died; its stderr is above"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["value"]


def environment(library_folder: Path, scenario: Path, calls: Path) -> dict[str, str]:
    """For a process that is to find the NVML library in that folder."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {
        "LD_LIBRARY_PATH": str(library_folder),
        "NVML_DOUBLE_SCENARIO": str(scenario),
        "NVML_DOUBLE_CALLS": str(calls),
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
    }


def build(folder: Path, *options: str) -> Path:
    """Compile the double into a folder. A machine without a C compiler fails the test."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.fail("no C compiler (cc): the tests of the GPU code build an NVML library with it")
    library = folder / "libnvidia-ml.so.1"
    command = [
        *(compiler, "-std=gnu11", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"),
        *("-pthread", "-Wl,-soname,libnvidia-ml.so.1", *options),
        *("-o", str(library), str(HERE / "double.c")),
    ]
    built = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert built.returncode == 0, built.stderr
    return library


def _asked(library: Path, folder: Path) -> Iterator[Double]:
    scenario, calls = folder / "scenario.txt", folder / "calls.txt"
    with subprocess.Popen(
        [sys.executable, "-m", "tests.gpu.nvml.asker"],
        cwd=ROOT,
        env=environment(library.parent, scenario, calls),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as asker:
        yield Double(library, scenario, calls, asker)
        asker.kill()


@pytest.fixture(scope="session")
def built_nvml(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Double]:
    folder = tmp_path_factory.mktemp("nvml")
    yield from _asked(build(folder), folder)


@pytest.fixture(scope="session")
def built_old_nvml(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Double]:
    folder = tmp_path_factory.mktemp("old-nvml")
    yield from _asked(build(folder, "-DOLD_DRIVER"), folder)


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


def write_proc(
    folder: Path, *, kernel: str | None = None, titles: dict[int, bytes], container: bool = False
) -> Path:
    """A /proc with a driver's version line and processes, for what cannot be arranged in ours."""
    namespace = folder / "self" / "ns"
    namespace.mkdir(parents=True)
    (namespace / "pid").symlink_to("pid:[4026532001]" if container else "pid:[4026531836]")
    if kernel is not None:
        (folder / "driver" / "nvidia").mkdir(parents=True)
        (folder / "driver" / "nvidia" / "version").write_text(kernel)
    for pid, title in titles.items():
        (folder / str(pid)).mkdir()
        (folder / str(pid) / "cmdline").write_bytes(title)
    return folder
