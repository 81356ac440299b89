"""How long the everyday commands take: the table of docs/performance.md.

``python -m mixvllm.testing.bench PROFILE``. CPU time, not time on the clock, so that a busy machine
says the same; and as a multiple of ``python -c pass``, so that a slow one does.
"""

import argparse
import resource
import statistics
import subprocess  # noqa: TID251 - measures the command from outside
import sys
from collections.abc import Sequence
from dataclasses import dataclass

_MIXVLLM = (sys.executable, "-m", "mixvllm")


@dataclass(frozen=True, slots=True)
class Promise:
    """A command that is measured, and how often ``python -c pass`` it may take at most."""

    words: tuple[str, ...]
    most: float


def promises(profile: str) -> tuple[Promise, ...]:
    """What start-up may cost: a prompt must not wait for ``--version``, nor a hook for a check."""
    return (
        Promise(("--version",), 3),
        Promise(("--help",), 8),
        Promise(("render-cmd", profile), 25),
        Promise(("validate", profile), 25),
    )


def cpu_seconds(argv: Sequence[str], *, runs: int) -> float:
    """The median of ``runs`` runs, after one that fills the caches. Output goes nowhere.

    Raises:
        CalledProcessError: a command that fails early is not fast, it is broken.
    """
    taken = []
    for _ in range(runs + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(taken[1:])


def main() -> int:
    """Print the table. Exit 1: a command takes more than it may."""
    parser = argparse.ArgumentParser(prog="python -m mixvllm.testing.bench")
    parser.add_argument("profile", help="the profile that render-cmd and validate read")
    parser.add_argument("--runs", type=int, default=10)
    options = parser.parse_args()

    nothing = cpu_seconds((sys.executable, "-c", "pass"), runs=options.runs)
    print("| command | CPU time | times `python -c pass` | at most |")
    print("|---|---|---|---|")
    print(f"| `python -c pass` | {nothing * 1000:.0f} ms | 1.0 | |")
    slow = []
    for promise in promises(options.profile):
        seconds = cpu_seconds((*_MIXVLLM, *promise.words), runs=options.runs)
        name = f"mixvllm {' '.join(promise.words)}"
        times = seconds / nothing
        print(f"| `{name}` | {seconds * 1000:.0f} ms | {times:.1f} | {promise.most:.0f} |")
        if times > promise.most:
            slow.append(
                f"`{name}` takes {times:.1f} times `python -c pass`, not {promise.most:.0f}"
            )
    print("\n".join(slow), end="\n" if slow else "", file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
