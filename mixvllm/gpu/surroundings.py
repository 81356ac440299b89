"""What the place we run in keeps from us: a container, Windows' Linux, one memory for all."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from mixvllm.core.diagnostic import Severity
from mixvllm.gpu.holder import pids_are_ours, read
from mixvllm.gpu.inventory import Gpu, GpuProcess, Problem
from mixvllm.gpu.kernel import is_wsl

_GIB: Final = 2**30
_NOBODY: Final = 1.0  # GiB in use that the driver's own part does not explain
_DEVICE: Final = "/dev/nvidia"

SHARED: Final = "the card has no memory of its own, it shares the host's"
WSL: Final = "not told under WSL2: the driver is that of Windows"
# What Windows' driver does not tell its guests.
WSL_FIELDS: Final = ("processes", "processes.memory_bytes", "utilization.gpu_percent")


def notes(gpus: tuple[Gpu, ...], proc: str) -> Iterator[Problem]:
    """Why some figures are not to be had, or do not mean what they seem to."""
    if is_wsl(proc):
        yield Problem(
            "wsl",
            "this is WSL2: the driver of Windows tells neither who uses a card nor how much "
            "memory each process holds",
            "the task manager of Windows shows who uses it",
            severity=Severity.INFO,
        )
    if not pids_are_ours(proc):
        anybody = _anybody_here(Path(proc))
        for gpu in gpus:
            yield from _outside(gpu, anybody_here=anybody)
    else:
        for gpu in gpus:
            yield from _unseen(gpu)
    for gpu in gpus:
        if gpu.unavailable.get("memory.total_bytes") == SHARED:
            yield _shared(gpu, proc)


def _unseen(gpu: Gpu) -> Iterator[Problem]:
    """Processes that this machine does not show: some containers do not show that they are one."""
    unseen = [process for process in gpu.processes or () if process.name is None]
    if unseen:
        yield _note(
            gpu,
            _held(unseen, "that cannot be seen from here"),
            "outside this container, hidden from this user, or ended just now",
        )


def _outside(gpu: Gpu, *, anybody_here: bool) -> Iterator[Problem]:
    """Who holds a card's memory, as far as it can be said in a container."""
    hint = "the driver gives pids of the host: look there, or start the container with --pid=host"
    used = (gpu.memory.used_bytes or 0) / _GIB
    if gpu.processes:
        where = "inside or outside this container" if anybody_here else "outside this container"
        yield _note(gpu, _held(gpu.processes, where), hint)
    elif gpu.processes is not None and used > _NOBODY and not anybody_here:
        yield _note(gpu, f"{used:.1f} GiB are held from outside this container", hint)


def _held(processes: Sequence[GpuProcess], where: str) -> str:
    """``2 processes outside this container hold 1.0 GiB``."""
    one = len(processes) == 1
    held = sum(process.memory_bytes or 0 for process in processes)
    size = f"{held / _GIB:.1f} GiB" if held else "its memory"
    return f"{len(processes)} process{'' if one else 'es'} {where} hold{'s' if one else ''} {size}"


def _note(gpu: Gpu, what: str, hint: str) -> Problem:
    message = f"card {gpu.index}: {what}"
    return Problem("outside-container", message, hint, gpu.index, Severity.INFO)


def _anybody_here(proc: Path) -> bool:
    """Whether a process that we can see, but the one that asks, has the driver open."""
    for folder in proc.glob("[0-9]*"):
        if b"mixvllm.gpu.collector" in read(f"{folder}/cmdline"):
            continue
        try:
            if any(str(fd.readlink()).startswith(_DEVICE) for fd in (folder / "fd").iterdir()):
                return True
        except OSError:
            continue  # it ended, or is somebody else's
    return False


def _shared(gpu: Gpu, proc: str) -> Problem:
    """The host's own figures: the only true ones there are for such a card."""
    lines = read(f"{proc}/meminfo").decode("ascii", "replace").splitlines()
    told = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
    sizes = [
        f"{int(told[name][0]) / 2**20:.1f} GiB {words}"
        for name, words in (("MemTotal", "in all"), ("MemAvailable", "available now"))
        if name in told
    ]
    return Problem(
        "shared-memory",
        f"card {gpu.index} shares the host's memory" + (f": {', '.join(sizes)}" if sizes else ""),
        "what the host's programs use, vLLM does not get",
        gpu.index,
        Severity.INFO,
    )
