"""How long the everyday commands take: the table of docs/performance.md.

``python -m mixvllm.testing.bench``; ``--vllm PYTHON`` adds `vllm serve --help`. CPU time, not
time on the clock, so that a busy machine says the same; and as a multiple of
``python -c pass``, so that a slow one does.
"""

import argparse
import contextlib
import json
import resource
import statistics
import subprocess  # noqa: TID251 - measures the command from outside
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mixvllm.testing.public_configs import PUBLIC
from mixvllm.testing.sparse_checkpoint import write_sparse
from mixvllm.vllm import cpu_launcher

_MIXVLLM = (sys.executable, "-m", "mixvllm")


@dataclass(frozen=True, slots=True)
class Promise:
    """A command that is measured, and how often ``python -c pass`` it may take at most."""

    words: tuple[str, ...]
    most: float


# What start-up may cost: a prompt must not wait for ``--version``, nor an editor for a check.
PROMISES: Final = (
    Promise(("--version",), 3),
    Promise(("--help",), 8),
    Promise(("render-cmd", "llama-2-70b.yaml"), 20),
    Promise(("validate", "llama-2-70b.yaml"), 20),
    Promise(("explain", "MX210"), 8),
)
FIT_TIMES: Final = 2.0  # that `fit` may take, of `validate` of the same model
MANY: Final = 1000  # profiles, checked by one command
MANY_SECONDS: Final = 10.0
# Nearly every section is in it, and most rules have something to look at.
PROFILE: Final = """\
model:
  name: "meta-llama/Llama-2-70b-hf"
  trust_remote_code: true
inference:
  tensor_parallel_size: 2
  gpu_memory_utilization: 0.9
  dtype: "bfloat16"
  quantization: "awq"
server:
  host: "0.0.0.0"
  port: 8000
  workers: 1
terminal:
  enabled: true
  port: 8888
  auto_start_chat: true
generation_defaults:
  temperature: 0.7
  max_tokens: 512
  top_p: 0.9
  top_k: 40
"""


def cpu_seconds(argv: Sequence[str], *, runs: int) -> float:
    """The median of ``runs`` runs, after one that fills the caches. Output goes nowhere.

    Raises:
        CalledProcessError: a command that fails early is not fast, it is broken.
    """
    taken = []
    for _ in range(runs + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(taken[1:])


def main() -> int:
    """Print the table. Exit 1: a command takes more than it may."""
    parser = argparse.ArgumentParser(prog="python -m mixvllm.testing.bench")
    parser.add_argument("--vllm", help="a python with vLLM, to compare with its --help")
    parser.add_argument("--runs", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("llama-2-70b.yaml").write_text(PROFILE, encoding="utf-8")
        slow = [*_table(options.runs, options.vllm), *_fit(options.runs), *_many()]
    print("\n".join(slow), end="\n" if slow else "", file=sys.stderr)
    return 1 if slow else 0


def _table(runs: int, vllm: str | None) -> Iterator[str]:
    """Print it; what takes too long, as sentences."""
    nothing = cpu_seconds((sys.executable, "-c", "pass"), runs=runs)
    print("| command | CPU time | times `python -c pass` | at most |")
    print("|---|---|---|---|")
    print(f"| `python -c pass` | {nothing * 1000:.0f} ms | 1.0 | |")
    validate = 0.0
    for promise in PROMISES:
        seconds = cpu_seconds((*_MIXVLLM, *promise.words), runs=runs)
        validate = seconds if promise.words[0] == "validate" else validate
        name = f"mixvllm {' '.join(promise.words)}"
        times = seconds / nothing
        print(f"| `{name}` | {seconds * 1000:.0f} ms | {times:.1f} | {promise.most:.0f} |")
        if times > promise.most:
            yield f"`{name}` takes {times:.1f} times `python -c pass`, not {promise.most:.0f}"
    if vllm is not None:
        seconds = cpu_seconds((vllm, cpu_launcher.__file__, "serve", "--help"), runs=1)
        print(f"| `vllm serve --help` | {seconds * 1000:.0f} ms | {seconds / nothing:.0f} | |")
        print(f"\n`vllm serve --help` takes {seconds / validate:.0f} times the CPU of `validate`.")


def _fit(runs: int) -> Iterator[str]:
    """The forecast of a 70B model from its 723 tensors in 30 files, on four cards."""
    config = PUBLIC["meta-llama/Llama-3.3-70B-Instruct"]
    write_sparse(Path("llama-3.3-70b"), config)
    Path("70b.yaml").write_text(
        "model: ./llama-3.3-70b\ninference:\n  tensor_parallel_size: 4\n", encoding="utf-8"
    )
    card = {
        "name": "NVIDIA H100 80GB HBM3", "compute_capability": "9.0",
        "memory": {"total_bytes": 85520809984, "reserved_bytes": 548732928},
    }  # fmt: skip
    cards = [{"index": index, **card} for index in range(4)]
    Path("box.json").write_text(json.dumps({"format_version": 1, "gpus": cards}))
    validate = cpu_seconds((*_MIXVLLM, "validate", "70b.yaml"), runs=runs)
    fit = cpu_seconds((*_MIXVLLM, "fit", "70b.yaml", "--host", "box.json"), runs=runs)
    times = fit / validate
    print(
        f"\n`mixvllm fit` of a 70B model's headers: {fit * 1000:.0f} ms of CPU, {times:.1f} times"
        f" `validate`; at most {FIT_TIMES:.0f}."
    )
    if times > FIT_TIMES:
        yield f"`fit` of a 70B model takes {times:.1f} times `validate`, not {FIT_TIMES:.0f}"


def _many() -> Iterator[str]:
    names = [f"p{number}.yaml" for number in range(MANY)]
    for name in names:
        Path(name).write_text(PROFILE.replace("8000", "8001"), encoding="utf-8")
    seconds = cpu_seconds((*_MIXVLLM, "validate", *names), runs=1)
    print(
        f"\n`mixvllm validate` of {MANY} profiles: {seconds:.1f} s of CPU,"
        f" at most {MANY_SECONDS:.0f}."
    )
    if seconds > MANY_SECONDS:
        yield f"{MANY} profiles take {seconds:.1f} s, not {MANY_SECONDS:.0f}"


if __name__ == "__main__":
    sys.exit(main())
