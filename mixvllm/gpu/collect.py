"""Ask all cards at once, and wait for none of them longer than it deserves.

Every card is asked in a thread of its own. A call into the driver cannot be cancelled, so a
thread that hangs is left behind: it is a daemon, and what its card had told by then is kept.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Final, TypeVar

from mixvllm.gpu import faults, nvml
from mixvllm.gpu.faults import DriverFault
from mixvllm.gpu.health import health_problems
from mixvllm.gpu.holder import PROC, holder_of, pids_are_ours
from mixvllm.gpu.inventory import FIELDS, Driver, Gpu, GpuProcess, Problem
from mixvllm.gpu.patience import PATIENCE, Patience

T = TypeVar("T")

_NOT_ASKED: Final = "not asked"
_QUESTIONS: Final = (*nvml.STEADY, *nvml.MOVING, *nvml.SLOW)


@dataclass(frozen=True, slots=True)
class Collected:
    """What the driver and its cards said."""

    driver: Driver
    gpus: tuple[Gpu, ...]
    problems: tuple[Problem, ...]


def _in_background(work: Callable[[], T]) -> Future[T]:
    """Run it in a daemon thread, which holds up neither Ctrl-C nor the end of the process."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as fault:  # noqa: BLE001  raised again where the result is read
            future.set_exception(fault)

    Thread(target=run, daemon=True).start()
    return future


@dataclass(frozen=True, slots=True)
class _Answer:
    """A card as far as it told, what is wrong with it, and whether its thread still hangs."""

    gpu: Gpu
    problem: Problem | None = None
    hangs: bool = False


class _Asking:
    """One card while it is asked. The thread replaces ``_told`` as a whole after each answer."""

    def __init__(self, index: int, patience: Patience) -> None:
        self._patience = patience
        self._told = nvml.without(Gpu(index), FIELDS, _NOT_ASKED)
        self._since = monotonic()
        self._attached = Event()  # or given up; from then on the shorter limit holds
        self._answer = _in_background(self._ask_all)

    def _ask_all(self) -> _Answer:
        index = self._told.index
        try:
            handle = nvml.attach(index)
            self._since = monotonic()
            self._attached.set()
            for question in _QUESTIONS:
                self._told = nvml.ask(self._told, handle, question)
        except nvml.CardLost as lost:
            message = f"card {index} no longer answers: {lost}"
            hint = (
                "`sudo dmesg | grep -i xid` tells the cause; reset it with "
                f"`nvidia-smi --gpu-reset -i {index}`, or reboot"
            )
            return _cut_short(self._told, Problem("card-lost", message, hint, index), str(lost))
        except nvml.FAULTS as error:
            reason = nvml.reason_of(error)
            message = f"card {index} cannot be asked: {reason}"
            hint = f"`nvidia-smi -q -i {index}` and `sudo dmesg | grep -i xid` tell more"
            return _cut_short(self._told, Problem("card-error", message, hint, index), reason)
        finally:
            self._attached.set()
        return _Answer(self._told)

    def answer(self) -> _Answer:
        """Wait until it is done, or its time is over."""
        limit = self._patience.attach
        if self._attached.wait(self._left(limit)):
            limit = self._patience.read
            try:
                return self._answer.result(timeout=self._left(limit))
            except TimeoutError:
                pass
        told = self._told
        reason = f"timed out after {limit:g} s in the driver"
        problem = Problem(
            "no-answer",
            f"card {told.index} {reason}; what it had told by then is shown",
            f"`sudo dmesg | grep -i xid` may tell why; `nvidia-smi -i {told.index}` may hang too",
            told.index,
        )
        return replace(_cut_short(told, problem, reason), hangs=True)

    def _left(self, limit: float) -> float:
        return max(0.0, self._since + limit - monotonic())


def _cut_short(told: Gpu, problem: Problem, reason: str) -> _Answer:
    missing = [name for name, why in told.unavailable.items() if why == _NOT_ASKED]
    return _Answer(nvml.without(told, missing, reason), problem)


def _open_within(seconds: float, proc: Path) -> nvml.Opened:
    try:
        return _in_background(lambda: nvml.open_nvml(proc)).result(timeout=seconds)
    except TimeoutError:
        raise DriverFault(faults.no_answer(seconds)) from None


def _named(gpu: Gpu, proc: Path) -> Gpu:
    """The card with the names of the processes that hold its memory."""
    if not gpu.processes:
        return gpu
    fields = ["processes.name", "processes.user"]
    if not pids_are_ours(proc):
        return nvml.without(gpu, fields, "the driver gives pids of the host, this is a container")

    def named(process: GpuProcess) -> GpuProcess:
        holder = holder_of(process.pid, proc)
        return replace(process, name=holder.name, user=holder.user) if holder else process

    processes = tuple(named(process) for process in gpu.processes)
    gpu = replace(gpu, processes=processes)
    if any(process.name is None for process in processes):
        return nvml.without(gpu, fields, "the process ended, or is hidden from this user")
    return gpu


def collect(proc: Path = PROC, patience: Patience = PATIENCE) -> Collected:
    """All cards, now. Raises DriverFault when none can be asked.

    ``proc`` is where the kernel tells of its driver and of processes.
    """
    opened = _open_within(patience.open, proc)
    asking = [_Asking(index, patience) for index in range(opened.count)]
    answers = [card.answer() for card in asking]
    if not any(answer.hangs for answer in answers):
        nvml.close_nvml()
    problems: list[Problem] = []
    for answer in answers:
        problems += [answer.problem] if answer.problem else []
        problems += health_problems(answer.gpu)
    gpus = tuple(_named(answer.gpu, proc) for answer in answers)
    return Collected(opened.driver, gpus, tuple(problems))
