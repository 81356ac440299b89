"""What a card is asked about itself.

``STEADY`` does not change while the card is attached to, ``SLOW`` from minute to minute, and
``MOVING`` from one second to the next: eleven calls at the most, a look every second.
"""

import re
from typing import Final

from mixvllm.gpu.nvml.binding import pynvml
from mixvllm.gpu.nvml.door import (
    NO_FIGURE,
    NOT_AVAILABLE,
    Handle,
    Why,
    alike,
    newest,
    text,
    value_or_why,
)
from mixvllm.gpu.nvml.health import HEALTH
from mixvllm.gpu.nvml.mig import mig_devices
from mixvllm.gpu.nvml.processes import processes
from mixvllm.gpu.nvml.question import Question, one

MEMORY: Final = (
    "memory.total_bytes",
    "memory.used_bytes",
    "memory.free_bytes",
    "memory.reserved_bytes",
)
SHARED: Final = "the card has no memory of its own, it shares the host's"  # surroundings.py too
_ABSURD: Final = "the driver tells more than the card has"
_INSIDE_USED: Final = "the driver is too old to tell it apart: it is inside used_bytes"
NO_FAN: Final = "the card has no fan of its own"
NO_NODE: Final = "the machine does not say on which NUMA node the card is"

# Chips with one memory for the processor and the graphics: they answer "not supported".
_SHARING: Final = re.compile(r"GB10|Thor|Orin|Xavier")

# nvml.h: nvmlClocksEventReasons. An idle card is not throttled, and clocks that somebody has
# set or that follow a display's are no trouble.
_THROTTLES: Final = (
    (pynvml.nvmlClocksEventReasonSwPowerCap, "power cap"),
    (pynvml.nvmlClocksEventReasonSwThermalSlowdown, "hot"),
    (pynvml.nvmlClocksEventReasonHwThermalSlowdown, "hardware slowdown (hot)"),
    (pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown, "hardware slowdown (power brake)"),
    (pynvml.nvmlClocksEventReasonSyncBoost, "slowest card of a sync boost group"),
    (pynvml.nvmlClocksThrottleReasonBoardLimit, "board limit"),
    (pynvml.nvmlClocksThrottleReasonReliability, "voltage limit"),
)
_SLOWDOWN: Final = pynvml.nvmlClocksEventReasonHwSlowdown
_SLOWDOWN_KINDS: Final = (
    pynvml.nvmlClocksEventReasonHwThermalSlowdown | pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown
)

_COMPUTE_MODES: Final = {
    pynvml.NVML_COMPUTEMODE_DEFAULT: "default",
    pynvml.NVML_COMPUTEMODE_EXCLUSIVE_THREAD: "exclusive-thread",
    pynvml.NVML_COMPUTEMODE_PROHIBITED: "prohibited",
    pynvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS: "exclusive-process",
}


def memory(handle: Handle) -> dict[str, object]:
    """Version 2 tells what the driver reserves apart from what is used; version 1 adds them up."""
    try:
        info = newest(
            lambda: pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2),
            lambda: pynvml.nvmlDeviceGetMemoryInfo(handle),
        )
    except pynvml.NVMLError_NotSupported:
        name = value_or_why(lambda: text(lambda: pynvml.nvmlDeviceGetName(handle)))
        if _SHARING.search(name):
            return alike(MEMORY, Why(SHARED))
        raise
    if info.total == 0:
        return alike(MEMORY, Why(SHARED))
    reserved = getattr(info, "reserved", Why(_INSIDE_USED))
    parts = (info.used, info.free, reserved)
    told = (part if isinstance(part, Why) or part <= info.total else Why(_ABSURD) for part in parts)
    return dict(zip(MEMORY, (info.total, *told), strict=True))


def _bus(handle: Handle) -> dict[str, object]:
    pci = pynvml.nvmlDeviceGetPciInfo_v3(handle)
    return {"pci_bus_id": text(lambda: pci.busId)}


def _capability(handle: Handle) -> dict[str, object]:
    major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    if major < 0 or minor < 0:
        return {"compute_capability": Why(NOT_AVAILABLE)}
    return {"compute_capability": f"{major}.{minor}"}


def _utilization(handle: Handle) -> dict[str, object]:
    rates = pynvml.nvmlDeviceGetUtilizationRates(handle)
    return {"utilization.gpu_percent": rates.gpu, "utilization.memory_percent": rates.memory}


def _temperature(handle: Handle) -> int:
    sensor = pynvml.NVML_TEMPERATURE_GPU
    return newest(
        lambda: int(pynvml.nvmlDeviceGetTemperatureV(handle, sensor)),
        lambda: int(pynvml.nvmlDeviceGetTemperature(handle, sensor)),
    )


def _watts(milliwatts: int) -> float | Why:
    return Why(NOT_AVAILABLE) if milliwatts in NO_FIGURE else milliwatts / 1000


def _fan(handle: Handle) -> int | Why:
    try:
        return newest(
            lambda: int(pynvml.nvmlDeviceGetFanSpeed_v2(handle, 0)),
            lambda: int(pynvml.nvmlDeviceGetFanSpeed(handle)),
        )
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_InvalidArgument):
        return Why(NO_FAN)


def _throttle_reasons(handle: Handle) -> list[str]:
    bits = newest(
        lambda: int(pynvml.nvmlDeviceGetCurrentClocksEventReasons(handle)),
        lambda: int(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)),
    )
    words = [word for bit, word in _THROTTLES if bits & bit]
    if bits & _SLOWDOWN and not bits & _SLOWDOWN_KINDS:
        words.append("hardware slowdown")
    return words


def _compute_mode(handle: Handle) -> str:
    number: int = pynvml.nvmlDeviceGetComputeMode(handle)
    return _COMPUTE_MODES.get(number, f"unknown ({number})")


def _numa_node(handle: Handle) -> int | Why:
    """The node of processors that is nearest.

    NVML's own call for the node is the last: it answers where a card's memory is a node of the
    machine (Grace Hopper), and tells that one then (nvml.h).
    """
    masks = value_or_why(
        lambda: pynvml.nvmlDeviceGetMemoryAffinity(handle, 16, pynvml.NVML_AFFINITY_SCOPE_NODE)
    )
    if not isinstance(masks, Why):
        nodes = [
            64 * word + bit
            for word, mask in enumerate(masks)
            for bit in range(64)
            if mask >> bit & 1
        ]
        if len(nodes) == 1:
            return nodes[0]
    node = value_or_why(lambda: int(pynvml.nvmlDeviceGetNumaNodeId(handle)))
    return Why(NO_NODE) if isinstance(node, Why) or node < 0 else node


def _clock(field: str, kind: int) -> Question:
    return one(field, lambda handle: pynvml.nvmlDeviceGetClockInfo(handle, kind))


def _max_clock(field: str, kind: int) -> Question:
    return one(field, lambda handle: pynvml.nvmlDeviceGetMaxClockInfo(handle, kind))


STEADY: Final = (
    one("name", lambda handle: text(lambda: pynvml.nvmlDeviceGetName(handle))),
    one("uuid", lambda handle: text(lambda: pynvml.nvmlDeviceGetUUID(handle))),
    Question(("pci_bus_id",), _bus),
    Question(("compute_capability",), _capability),
    _max_clock("clocks.max_sm_mhz", pynvml.NVML_CLOCK_SM),
    _max_clock("clocks.max_memory_mhz", pynvml.NVML_CLOCK_MEM),
    one("pcie.max_generation", lambda handle: pynvml.nvmlDeviceGetMaxPcieLinkGeneration(handle)),
    one("pcie.max_width", lambda handle: pynvml.nvmlDeviceGetMaxPcieLinkWidth(handle)),
    one("numa_node", _numa_node),
)
MOVING: Final = (
    Question(MEMORY, memory),
    Question(("utilization.gpu_percent", "utilization.memory_percent"), _utilization),
    one("temperature_celsius", _temperature),
    one("power_watts", lambda handle: _watts(pynvml.nvmlDeviceGetPowerUsage(handle))),
    one("throttle_reasons", _throttle_reasons),
    _clock("clocks.sm_mhz", pynvml.NVML_CLOCK_SM),
    _clock("clocks.memory_mhz", pynvml.NVML_CLOCK_MEM),
)
PROCESSES: Final = one("processes", processes)
SLOW: Final = (
    one("mig_enabled", lambda handle: bool(pynvml.nvmlDeviceGetMigMode(handle)[0])),
    one(
        "power_limit_watts",
        lambda handle: _watts(pynvml.nvmlDeviceGetEnforcedPowerLimit(handle)),
    ),
    one("fan_percent", _fan),
    one("compute_mode", _compute_mode),
    one("persistence_mode", lambda handle: bool(pynvml.nvmlDeviceGetPersistenceMode(handle))),
    one("pcie.generation", lambda handle: pynvml.nvmlDeviceGetCurrPcieLinkGeneration(handle)),
    one("pcie.width", lambda handle: pynvml.nvmlDeviceGetCurrPcieLinkWidth(handle)),
    one("pcie.replays", lambda handle: pynvml.nvmlDeviceGetPcieReplayCounter(handle)),
    *HEALTH,
    Question(("mig_devices",), mig_devices),
)
