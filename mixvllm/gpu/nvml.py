"""The one door to NVML: opening it, and the questions a card is asked.

Nothing but this module imports ``pynvml`` (nvidia-ml-py), and this module is imported only where
cards are really asked: the binding is 8,000 lines long. Calls block for as long as the driver
likes; :mod:`mixvllm.gpu.collect` puts a limit on that.

Symbols come and go with the driver (``nvmlDeviceGetMemoryInfo_v2`` and the ``_v3`` process
calls came after R470): an older one is tried where a newer one is missing.
"""

import ctypes
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

import pynvml

from mixvllm.gpu import faults
from mixvllm.gpu.faults import DriverFault
from mixvllm.gpu.holder import PROC
from mixvllm.gpu.inventory import (
    FIELDS,
    Driver,
    Gpu,
    GpuMemory,
    GpuProcess,
    GpuUtilization,
    Problem,
)

# What a call may raise. NVMLLibraryMismatchError (an unversioned process call on a driver
# without the newest symbol) is no NVMLError: nvidia-ml-py 13.615, pynvml.py.
FAULTS: Final = (pynvml.NVMLError, pynvml.NVMLLibraryMismatchError, OSError, UnicodeDecodeError)

_LOST: Final = (pynvml.NVMLError_GpuIsLost, pynvml.NVMLError_ResetRequired)
_TOO_OLD: Final = "the driver is too old to tell"

MEMORY_FIELDS: Final = tuple(name for name in FIELDS if name.startswith("memory."))

Handle: TypeAlias = object


class CardLost(Exception):
    """The card no longer answers; asking it for more is of no use. The text says why."""


@dataclass(frozen=True, slots=True)
class Opened:
    """NVML, initialised. ``count`` cards can be asked, by index."""

    driver: Driver
    count: int


@dataclass(frozen=True, slots=True)
class Question:
    """What a card is asked in one go, and which of FIELDS the answer fills."""

    fields: tuple[str, ...]
    read: Callable[[Gpu, Handle], Gpu]


def kernel_driver_version(proc: Path = PROC) -> str | None:
    """The version of the driver that the kernel has loaded; None when there is none.

    The line reads ``NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05  ...``, with
    ``Open Kernel Module for x86_64`` for the open one.
    """
    try:
        text = (proc / "driver/nvidia/version").read_text("utf-8", "replace")
    except OSError:
        return None
    match = re.search(r"Kernel Module(?: for \S+)?\s+(\d+(?:\.\d+)+)", text)
    return match[1] if match else None


def _text(call: Callable[[], str]) -> str:
    """The answer as text. The binding decodes strictly; firmware is not always that strict."""
    try:
        return call()
    except UnicodeDecodeError as error:
        return error.object.decode("utf-8", "replace")


def _library_version() -> str | None:
    """The driver release the library is of: NVML 13.580.95.05 is of driver 580.95.05."""
    try:
        version = _text(pynvml.nvmlSystemGetNVMLVersion)  # answers without nvmlInit
    except FAULTS:
        return None
    first, _, rest = version.partition(".")
    return rest if first.isdecimal() and int(first) < 100 and rest else version


def _why_it_does_not_load() -> str:
    """The loader's own sentence; the binding drops it."""
    try:
        ctypes.CDLL(faults.LIBRARY)
    except OSError as error:
        return str(error)
    return "it could not be opened a moment ago, and can be now"


def _refusal(error: Exception, kernel: str | None) -> Problem:
    match getattr(error, "value", None):
        case pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
            return faults.no_library(_why_it_does_not_load(), kernel)
        case pynvml.NVML_ERROR_DRIVER_NOT_LOADED:
            return faults.not_loaded()
        case pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH:
            return faults.mismatch(kernel, _library_version())
        case pynvml.NVML_ERROR_NO_PERMISSION:
            return faults.no_permission()
    return faults.driver_error(reason_of(error))


def open_nvml(proc: Path = PROC) -> Opened:
    """Load the library and initialise it. Raises DriverFault, also when there are no cards."""
    kernel = kernel_driver_version(proc)
    try:
        pynvml.nvmlInit()
    except FAULTS as error:
        raise DriverFault(_refusal(error, kernel)) from error
    try:
        version: str | None = _text(pynvml.nvmlSystemGetDriverVersion)
    except FAULTS:
        version = kernel
    driver = Driver(version, _cuda_version())
    try:
        count: int = pynvml.nvmlDeviceGetCount()
    except FAULTS as error:
        close_nvml()
        raise DriverFault(_refusal(error, kernel), driver) from error
    if count == 0:
        close_nvml()
        raise DriverFault(faults.no_cards(version), driver)
    return Opened(driver, count)


def close_nvml() -> None:
    """Let the driver go. Not to be called while a question hangs: it would hang as well."""
    try:
        pynvml.nvmlShutdown()
    except FAULTS:
        return  # the driver left first


def _cuda_version() -> str | None:
    try:
        number: int = pynvml.nvmlSystemGetCudaDriverVersion_v2()  # 13000 is 13.0
    except FAULTS:
        return None
    return f"{number // 1000}.{number % 1000 // 10}"


def reason_of(error: Exception, gpu: Gpu | None = None) -> str:
    """Why a figure is not there, in words."""
    if isinstance(error, pynvml.NVMLLibraryMismatchError):
        return _TOO_OLD
    match getattr(error, "value", None):
        case pynvml.NVML_ERROR_NOT_SUPPORTED if gpu is not None and gpu.mig_enabled:
            return "not told for a card in MIG mode"
        case pynvml.NVML_ERROR_NOT_SUPPORTED:
            return "not supported by this card"
        case pynvml.NVML_ERROR_NO_PERMISSION:
            return "the driver does not tell this user"
        case pynvml.NVML_ERROR_FUNCTION_NOT_FOUND:
            return _TOO_OLD
        case pynvml.NVML_ERROR_GPU_IS_LOST:
            return "the card is lost"
        case pynvml.NVML_ERROR_RESET_REQUIRED:
            return "the card needs a reset"
        case int(code):
            return f"the driver answered '{str(error).rstrip('.').lower()}' (NVML error {code})"
    return str(error)


def attach(index: int) -> Handle:
    """The handle of a card. Without persistence mode this wakes the card, which takes seconds.

    Raises CardLost, or one of FAULTS.
    """
    try:
        handle: Handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    except _LOST as error:
        raise CardLost(reason_of(error)) from error
    return handle


def without(gpu: Gpu, fields: Sequence[str], reason: str) -> Gpu:
    """The card with the reason why these figures are not there."""
    return replace(gpu, unavailable={**gpu.unavailable, **dict.fromkeys(fields, reason)})


def ask(gpu: Gpu, handle: Handle, question: Question) -> Gpu:
    """The card with one more question answered, or with the reason why not. Raises CardLost."""
    others = {name: why for name, why in gpu.unavailable.items() if name not in question.fields}
    try:
        return question.read(replace(gpu, unavailable=others), handle)
    except _LOST as error:
        raise CardLost(reason_of(error)) from error
    except FAULTS as error:
        return without(gpu, question.fields, reason_of(error, gpu))


def _uuid(gpu: Gpu, handle: Handle) -> Gpu:
    return replace(gpu, uuid=_text(lambda: pynvml.nvmlDeviceGetUUID(handle)))


def _name(gpu: Gpu, handle: Handle) -> Gpu:
    return replace(gpu, name=_text(lambda: pynvml.nvmlDeviceGetName(handle)))


def _bus(gpu: Gpu, handle: Handle) -> Gpu:
    return replace(gpu, pci_bus_id=_text(lambda: pynvml.nvmlDeviceGetPciInfo_v3(handle).busId))


def _capability(gpu: Gpu, handle: Handle) -> Gpu:
    major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    return replace(gpu, compute_capability=(major, minor))


def _memory(gpu: Gpu, handle: Handle) -> Gpu:
    """Version 2 tells what the driver reserves apart from what is used; version 1 adds them up."""
    try:
        info = pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2)
    except (pynvml.NVMLError_FunctionNotFound, pynvml.NVMLError_ArgumentVersionMismatch):
        info = pynvml.nvmlDeviceGetMemoryInfo(handle)
        memory = GpuMemory(info.total, info.used, info.free)
        reason = f"{_TOO_OLD} it apart: it is inside used_bytes"
        return without(replace(gpu, memory=memory), ["memory.reserved_bytes"], reason)
    if info.total == 0:
        reason = "the card has no memory of its own, it shares the host's"
        return without(gpu, MEMORY_FIELDS, reason)
    return replace(gpu, memory=GpuMemory(info.total, info.used, info.free, info.reserved))


def _mig(gpu: Gpu, handle: Handle) -> Gpu:
    current, _pending = pynvml.nvmlDeviceGetMigMode(handle)
    return replace(gpu, mig_enabled=bool(current))


def _utilization(gpu: Gpu, handle: Handle) -> Gpu:
    rates = pynvml.nvmlDeviceGetUtilizationRates(handle)
    return replace(gpu, utilization=GpuUtilization(rates.gpu, rates.memory))


def _temperature(gpu: Gpu, handle: Handle) -> Gpu:
    sensor = pynvml.NVML_TEMPERATURE_GPU
    try:
        degrees: int = pynvml.nvmlDeviceGetTemperatureV(handle, sensor)
    except (pynvml.NVMLError_FunctionNotFound, pynvml.NVMLError_ArgumentVersionMismatch):
        degrees = pynvml.nvmlDeviceGetTemperature(handle, sensor)
    return replace(gpu, temperature_celsius=degrees)


def _power(gpu: Gpu, handle: Handle) -> Gpu:
    return replace(gpu, power_watts=pynvml.nvmlDeviceGetPowerUsage(handle) / 1000)


def _power_limit(gpu: Gpu, handle: Handle) -> Gpu:
    return replace(gpu, power_limit_watts=pynvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000)


def _ecc(gpu: Gpu, handle: Handle) -> Gpu:
    count = pynvml.nvmlDeviceGetTotalEccErrors(
        handle, pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC
    )
    return replace(gpu, ecc_uncorrected_errors=count)


def _rows(gpu: Gpu, handle: Handle) -> Gpu:
    _corrected, _uncorrected, pending, failed = pynvml.nvmlDeviceGetRemappedRows(handle)
    return replace(gpu, row_remap_pending=bool(pending), row_remap_failed=bool(failed))


def _processes(gpu: Gpu, handle: Handle) -> Gpu:
    """Compute processes, and graphics ones where the card tells them."""
    order = ("v2", "v3") if _records_are_long() else ("v3", "v2")
    held = {process.pid: process for process in _running("Compute", handle, order)}
    try:
        graphics = _running("Graphics", handle, order)
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound):
        graphics = []  # a card that draws nothing
    for process in graphics:
        both = held.get(process.pid)
        held[process.pid] = replace(both, kinds=both.kinds + process.kinds) if both else process
    found = tuple(held[pid] for pid in sorted(held))
    told = replace(gpu, processes=found)
    if any(process.memory_bytes is None for process in found):
        return without(told, ["processes.memory_bytes"], "the driver does not tell it apart")
    return told


def _running(kind: str, handle: Handle, order: tuple[str, str]) -> list[GpuProcess]:
    """Processes of one kind: ``Compute`` or ``Graphics``.

    The call without a version is avoided: it is the one that raises NVMLLibraryMismatchError.
    """
    first, second = (
        getattr(pynvml, f"nvmlDeviceGet{kind}RunningProcesses_{version}") for version in order
    )
    try:
        found = first(handle)
    except pynvml.NVMLError_FunctionNotFound:
        found = second(handle)
    return [GpuProcess(item.pid, (kind.lower(),), item.usedGpuMemory) for item in found]


def _records_are_long() -> bool:
    """Whether this is a driver from 535.43 to 535.86.

    Its third version of the process calls had a longer record, which the binding would misread;
    the second version is right there.
    """
    try:
        match = re.match(r"535\.(\d+)", _text(pynvml.nvmlSystemGetDriverVersion))
    except FAULTS:
        return False
    return match is not None and 43 <= int(match[1]) <= 86


# What changes from one second to the next, and what does not; the slowest answers come last.
STEADY: Final = (
    Question(("name",), _name),
    Question(("uuid",), _uuid),
    Question(("pci_bus_id",), _bus),
    Question(("compute_capability",), _capability),
    Question(("mig_enabled",), _mig),
    Question(("power_limit_watts",), _power_limit),
)
MOVING: Final = (
    Question(MEMORY_FIELDS, _memory),
    Question(("utilization.gpu_percent", "utilization.memory_percent"), _utilization),
    Question(("temperature_celsius",), _temperature),
    Question(("power_watts",), _power),
)
SLOW: Final = (
    Question(("processes",), _processes),
    Question(("row_remap_pending", "row_remap_failed"), _rows),
    Question(("ecc_uncorrected_errors",), _ecc),
)
