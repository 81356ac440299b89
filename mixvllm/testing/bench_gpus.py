"""What a look at eight cards costs: ``python -m mixvllm.testing.bench_gpus``.

In a checkout alone: the cards are those of the tests' NVML double, which answers at once, so
what is measured is ours. `gpustat` and `nvitop -1`, where they are installed beside us, are
asked in turns with `mixvllm gpus`, of the same cards. Seconds on the clock, the best of some
runs: a look is waited for, and part of it runs in a process beside.
"""

import argparse
import importlib.util
import os
import subprocess  # noqa: TID251 - measures the command from outside
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from mixvllm.gpu.collector import Collector
from mixvllm.gpu.patience import PATIENCE

SCENARIO: Final = "eight-h100"
COLLECTION: Final = 0.050  # seconds for all that eight cards tell, from opening the driver on
OTHERS: Final = {"gpustat": ("-m", "gpustat"), "nvitop": ("-m", "nvitop", "-1")}


def collection() -> float:
    """Seconds of one look from scratch, in a process that has the binding loaded."""
    options = {"links": False, "processes": True, "proc": "/proc", "kmsg": os.devnull}
    collector = Collector(options | {"patience": PATIENCE})
    began = time.perf_counter()
    answer = collector.look()
    taken = time.perf_counter() - began
    assert [card["fault"] for card in answer["cards"]] == [None] * 8, answer
    return taken


def command(argv: Sequence[str]) -> float:
    """Seconds of a command. Raises CalledProcessError: one that fails early is not fast."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - began


def play(folder: Path) -> None:
    """Let this process and its children find the double."""
    from tests.gpu.nvml.playing import build, scenario_text

    (folder / "scenario.txt").write_text(scenario_text(SCENARIO), encoding="utf-8")
    os.environ["NVML_DOUBLE_SCENARIO"] = str(folder / "scenario.txt")
    os.environ["LD_LIBRARY_PATH"] = str(build(folder).parent)


def best(measures: Sequence[Callable[[], float]], runs: int) -> list[float]:
    """Of each the best of some runs; they take turns, after one that fills the caches."""
    taken = [[measure() for measure in measures] for _ in range(runs + 1)]
    return [min(each) for each in zip(*taken[1:], strict=True)]


def main() -> int:
    """Print the table. Exit 1: a look takes longer than it may, or than that of another."""
    parser = argparse.ArgumentParser(prog="python -m mixvllm.testing.bench_gpus")
    parser.add_argument("--runs", type=int, default=10)
    runs: int = parser.parse_args().runs
    if "NVML_DOUBLE_SCENARIO" not in os.environ:  # the loader reads its path at the start alone
        with tempfile.TemporaryDirectory() as folder:
            play(Path(folder))
            again = [sys.executable, "-m", "mixvllm.testing.bench_gpus", f"--runs={runs}"]
            return subprocess.run(again, check=False).returncode
    slow = list(_table(runs))
    print("\n".join(slow), end="\n" if slow else "", file=sys.stderr)
    return 1 if slow else 0


def _table(runs: int) -> Iterator[str]:
    """Print it; what takes too long, as sentences."""
    there = [name for name in OTHERS if importlib.util.find_spec(name)]
    commands = [("-m", "mixvllm", "gpus"), *(OTHERS[name] for name in there)]
    (alone,) = best([collection], runs)
    ours, *theirs = best([partial(command, argv) for argv in commands], runs)
    print("| eight cards | best of some | at most |")
    print("|---|---|---|")
    print(f"| collection | {alone * 1000:.0f} ms | {COLLECTION * 1000:.0f} ms |")
    print(f"| `mixvllm gpus` | {ours * 1000:.0f} ms | the others |")
    for name, seconds in zip(there, theirs, strict=True):
        print(f"| `{' '.join(OTHERS[name][1:])}` | {seconds * 1000:.0f} ms | |")
        if ours > seconds:
            yield f"`mixvllm gpus` takes {ours:.2f} s, {name} {seconds:.2f} s"
    if alone > COLLECTION:
        yield f"collection takes {alone * 1000:.0f} ms, not {COLLECTION * 1000:.0f}"


if __name__ == "__main__":
    sys.exit(main())
