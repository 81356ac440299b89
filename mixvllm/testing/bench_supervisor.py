"""What watching costs: CPU and memory of the supervisor and its keeper while an engine serves.

``python -m mixvllm.testing.bench_supervisor [PROFILE]``; without a profile the fake engine is
served. On a terminal it is the run with panes that is measured, elsewhere the one with lines;
``--terminal`` makes one, and ``--others N`` fills the machine with N idle processes, as the
table of processes is what a look at the engine's family costs.
"""

import argparse
import json
import os
import pty
import subprocess  # noqa: TID251 - measures the command from outside
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from mixvllm.testing.running import free_port

_MIXVLLM: Final = (sys.executable, "-m", "mixvllm")
_MOST_CPU: Final = 1.0  # percent of a core, both together
_MOST_MEMORY: Final = 80.0  # MB, both together
_START: Final = 600.0  # seconds, with a real engine
_SETTLED: Final = 3.0  # seconds after ready: the start is over then


class Cost(NamedTuple):
    """Of one process: percent of a core, and resident MB."""

    cpu: float
    memory: float


@contextmanager
def fake_profile() -> Iterator[Path]:
    """A profile of the fake engine, in a folder that goes away."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        profile = folder / "fake.yaml"
        settings = {
            "model": {"name": "Qwen/Qwen3-0.6B"},
            "server": {"port": free_port()},
            "logging": {"directory": str(folder / "runs")},
            "vllm": {
                "version": "0.32.0",
                "command": [sys.executable, "-m", "mixvllm.testing.fake_vllm"],
            },
        }
        profile.write_text(json.dumps(settings))
        yield profile


@contextmanager
def idle_processes(count: int) -> Iterator[None]:
    """So many processes that sleep."""
    sleepers = [subprocess.Popen(["sleep", "3600"]) for _ in range(count)]
    try:
        yield
    finally:
        for sleeper in sleepers:
            sleeper.kill()
        for sleeper in sleepers:
            sleeper.wait()


@contextmanager
def serving(profile: Path, *, terminal: bool) -> Iterator[psutil.Process]:
    """`mixvllm serve` when it is ready; stopped in the end.

    Raises RuntimeError when it does not get ready.
    """
    environment = {**os.environ, "TERM": "xterm-256color"}
    with tempfile.TemporaryDirectory() as logs, ExitStack() as undo:
        out: int = subprocess.DEVNULL
        if terminal:
            ours, out = pty.openpty()
            undo.callback(os.close, ours)
            threading.Thread(target=_read_on, args=(ours,), daemon=True).start()
        words = ("serve", str(profile), "--set", f"logging.directory={logs}")
        serve = subprocess.Popen(
            [*_MIXVLLM, *words], stdin=subprocess.DEVNULL, stdout=out, env=environment
        )
        try:
            _wait_ready(serve, Path(logs))
            yield psutil.Process(serve.pid)
        finally:
            serve.terminate()
            serve.wait(120)


def _read_on(fd: int) -> None:
    with suppress(OSError):
        while os.read(fd, 65536):
            pass


def _wait_ready(serve: "subprocess.Popen[bytes]", logs: Path) -> None:
    deadline = time.monotonic() + _START
    while not any('"state": "ready"' in path.read_text() for path in logs.rglob("events.jsonl")):
        if serve.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"`mixvllm serve` did not get ready (exit {serve.poll()})")
        time.sleep(0.2)


def measure(supervisor: psutil.Process, *, seconds: float) -> tuple[Cost, Cost]:
    """The supervisor and its keeper over so many seconds, without the engine."""
    time.sleep(_SETTLED)
    (keeper,) = supervisor.children()
    both = (supervisor, keeper)
    before = [_cpu(process) for process in both]
    began = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    first, second = (
        Cost(100 * (_cpu(process) - was) / took, process.memory_info().rss / 1e6)
        for process, was in zip(both, before, strict=True)
    )
    return first, second


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table. Exit 1: watching costs more than it may."""
    parser = argparse.ArgumentParser(prog="python -m mixvllm.testing.bench_supervisor")
    parser.add_argument("profile", type=Path, nargs="?")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--terminal", action="store_true", help="measure the run with panes")
    parser.add_argument("--others", type=int, default=0, help="idle processes beside it")
    options = parser.parse_args(argv)
    with ExitStack() as undo:
        undo.enter_context(idle_processes(options.others))
        profile = options.profile or undo.enter_context(fake_profile())
        supervisor = undo.enter_context(serving(profile, terminal=options.terminal))
        costs = measure(supervisor, seconds=options.seconds)
    cpu, memory = (sum(values) for values in zip(*costs, strict=True))
    print("| process | CPU | memory |")
    print("|---|---|---|")
    for name, cost in zip(("supervisor", "keeper"), costs, strict=True):
        print(f"| {name} | {cost.cpu:.2f} % of a core | {cost.memory:.0f} MB |")
    print(f"| both, at most | {_MOST_CPU:.0f} % of a core | {_MOST_MEMORY:.0f} MB |")
    over = cpu > _MOST_CPU or memory > _MOST_MEMORY
    if over:
        print(f"watching costs {cpu:.2f} % of a core and {memory:.0f} MB", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
