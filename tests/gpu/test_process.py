"""The collector and its askers end when nobody wants them any more, whatever hangs in them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest

from mixvllm.gpu.process import Collector, Scope
from mixvllm.gpu.watch import Watch

if TYPE_CHECKING:
    from tests.gpu.nvml.double import Double

pytest_plugins = ["tests.gpu.nvml.double"]

ROOT = Path(__file__).parents[2]
SCOPE = Scope(kmsg=os.devnull)
HANGS = "0.delay_ms.nvmlDeviceGetUtilizationRates=600000"


def group_of(leader: int) -> Iterator[int]:
    """The processes of a process group; zombies count, too."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[2]) == leader:
            yield int(folder.name)


def until(holds: Callable[[], object]) -> None:
    deadline = monotonic() + 20
    while not holds():
        assert monotonic() < deadline
        sleep(0.01)


@pytest.fixture
def found(built_nvml: "Double", monkeypatch: pytest.MonkeyPatch) -> "Double":
    """The library, found by whatever this process starts."""
    built_nvml.play("two-h100")
    for name in ("LD_LIBRARY_PATH", "NVML_DOUBLE_SCENARIO"):
        monkeypatch.setenv(name, built_nvml.environment()[name])
    return built_nvml


def collectors() -> set[int]:
    """The collectors that this process has, also as zombies."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {int(pid) for pid in children if int(pid) in set(group_of(int(pid)))}


def test_nothing_is_left_of_one_that_is_closed(found: "Double") -> None:
    before = collectors()
    collector = Collector(SCOPE).ask()
    assert collector.answer(20) is not None
    (pid,) = collectors() - before
    assert len(list(group_of(pid))) == 2  # and its asker
    collector.close()
    until(lambda: set(group_of(pid)) <= {pid})
    until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    Collector(SCOPE).close()  # whoever comes next buries it
    assert not list(group_of(pid))


def test_an_asker_that_hangs_is_left_behind_and_ends(found: "Double") -> None:
    found.play("two-h100", HANGS)
    before = collectors()
    with Watch(SCOPE) as watch:
        until(lambda: [problem.gpu for problem in watch.look().problems] == [0])
        (pid,) = collectors() - before
        watch.look()
        until(lambda: len(list(group_of(pid))) == 2)  # the stuck one is gone and buried
    until(lambda: set(group_of(pid)) <= {pid})


def test_all_end_with_a_parent_that_is_killed(found: "Double") -> None:
    found.play("two-h100", HANGS)
    program = (
        "from mixvllm.gpu.watch import Watch\n"
        "import time\n"
        "watch = Watch()\n"
        "watch.look()\n"
        "print(watch._collector._pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env=found.environment(), stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert list(group_of(pid))
        parent.kill()
    until(lambda: not list(group_of(pid)))


def test_a_collector_that_is_killed_is_told_and_replaced(found: "Double") -> None:
    before = collectors()
    with Watch(SCOPE) as watch:
        until(lambda: len(watch.look().gpus) == 2)
        (pid,) = collectors() - before
        os.kill(pid, signal.SIGKILL)
        until(lambda: set(group_of(pid)) <= {pid})
        (problem,) = watch.look().problems
        assert problem.code == "driver-error"
        assert "ended without an answer" in problem.message
        until(lambda: len(watch.look().gpus) == 2)


def test_ctrl_c_is_not_for_it(found: "Double") -> None:
    before = collectors()
    with Watch(SCOPE) as watch:
        watch.look()
        (pid,) = collectors() - before
        assert os.getpgid(pid) == pid != os.getpgid(0)


def test_a_python_that_is_not_there(found: "Double", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Watch(SCOPE) as watch:
        (problem,) = watch.look().problems
    assert problem.code == "driver-error"
    assert "/nowhere/python" in problem.message
