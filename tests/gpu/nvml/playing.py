"""A real NVML library that plays scenarios, and what goes with it.

``source/*.c`` is compiled, against NVIDIA's own ``nvml.h``, into a ``libnvidia-ml.so.1``; the
loader finds it by ``LD_LIBRARY_PATH``, so the binding and all of our code run as they do on a
machine with cards. They run in a process of their own: a process keeps the first NVML that it
has loaded, and the one that runs the tests should have none.

What a scenario can say is told in ``source/scenario.c``, and where each figure is answered.
"""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from mixvllm.gpu.inventory import GpuInventory
from mixvllm.gpu.saved import inventory_from_json
from tests.gpu.nvml import symbols

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PROC = Path("/proc")
# Said by the command when no card has answered for a while: on a busy machine at any start.
WAKES = "the driver wakes the cards; persistence mode would keep them awake\n"


@dataclass(frozen=True)
class Stage:
    """A library, the scenario that it plays, and the calls that it was made."""

    library: Path
    folder: Path

    @property
    def scenario(self) -> Path:
        """The file that the library reads."""
        return self.folder / "scenario.txt"

    @property
    def calls_file(self) -> Path:
        """The file that it writes."""
        return self.folder / "calls.txt"

    def play(self, name: str, *more: str) -> None:
        """Play a scenario of scenarios/, with further lines; ``__PID__`` is this process."""
        self.play_text("\n".join([scenario_text(name), *more, ""]))

    def play_text(self, text: str) -> None:
        """Play a scenario, from the next call on."""
        fresh = self.scenario.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.scenario)  # another inode: seen even within one tick of the clock

    def stop_playing(self) -> None:
        """No scenario: the driver is not loaded."""
        self.scenario.unlink()

    def environment(self) -> dict[str, str]:
        """For a process that is to find this library, and no colours."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | {
            "LD_LIBRARY_PATH": str(self.library.parent),
            "NVML_DOUBLE_SCENARIO": str(self.scenario),
            "NVML_DOUBLE_CALLS": str(self.calls_file),
            "PYTHONPATH": str(ROOT),
            "PYTHONIOENCODING": "utf-8",
        }

    def calls(self) -> list[str]:
        """What was called since the last look, e.g. ``nvmlDeviceGetName 0``."""
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return lines


@dataclass(frozen=True)
class Double(Stage):
    """A stage, and somebody who looks at it with our own code."""

    asker: "subprocess.Popen[str]"

    def inventory(
        self,
        proc: Path = PROC,
        *,
        sys: Path = Path("/sys"),
        kmsg: Path | None = None,
        links: bool = False,
        **patience: float,
    ) -> GpuInventory:
        """What `take_inventory` says; ``patience`` are limits in seconds, long ones by default."""
        scope = {"proc": str(proc), "sys": str(sys), "links": links}
        scope["kmsg"] = str(kmsg or "/dev/null")
        limits = {"silence": 10.0, "read": 10.0, "read_all": 10.0} | patience
        answer = self._ask({"do": "inventory", "scope": scope, "patience": limits})
        return inventory_from_json(answer)

    def watch(self, *, processes: bool = True) -> None:
        """Begin a `Watch`."""
        self._ask({"do": "watch", "scope": {"processes": processes, "kmsg": "/dev/null"}})

    def look(self) -> GpuInventory:
        """One look of the `Watch`."""
        return inventory_from_json(self._ask({"do": "look"}))

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


def scenario_text(name: str) -> str:
    """A scenario of scenarios/, with the one that it includes before its own lines."""
    text = (HERE / "scenarios" / f"{name}.txt").read_text().replace("__PID__", str(os.getpid()))
    base = re.search(r"^include=(.+)$", text, re.MULTILINE)
    return scenario_text(base[1]) + text if base else text


def build(folder: Path, *, series: str | None = None) -> Path:
    """Compile the double into a folder, with the functions of today or of a driver's series.

    A machine without a C compiler fails the test.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.fail("no C compiler (cc): the tests of the GPU code build an NVML library with it")
    library, stubs, seen = folder / "libnvidia-ml.so.1", folder / "stubs.c", folder / "seen.map"
    stubs.write_text(symbols.stubs())
    seen.write_text(
        symbols.version_script(symbols.of_series(series) if series else symbols.declared())
    )
    command = [
        *(compiler, "-std=gnu11", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"),
        *("-pthread", "-Wl,-soname,libnvidia-ml.so.1", f"-Wl,--version-script={seen}"),
        *("-I", str(symbols.header().parent), "-o", str(library), str(stubs)),
        *map(str, sorted((HERE / "source").glob("*.c"))),
    ]
    built = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert built.returncode == 0, built.stderr
    return library


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
