"""What a card is asked about the health of its memory, and what the driver advises."""

from typing import Final

from mixvllm.gpu.nvml.binding import pynvml
from mixvllm.gpu.nvml.door import TOO_OLD, Handle, Why, reason_of
from mixvllm.gpu.nvml.question import Question, one

_RECOVERY: Final = {
    pynvml.NVML_GPU_RECOVERY_ACTION_NONE: "none",
    pynvml.NVML_GPU_RECOVERY_ACTION_GPU_RESET: "reset",
    pynvml.NVML_GPU_RECOVERY_ACTION_NODE_REBOOT: "reboot",
    pynvml.NVML_GPU_RECOVERY_ACTION_DRAIN_P2P: "drain-p2p",
    pynvml.NVML_GPU_RECOVERY_ACTION_DRAIN_AND_RESET: "drain-and-reset",
    5: "recover-imex-domain",  # nvml.h of CUDA 13.1 and later
    6: "bus-reset",
    7: "system-reboot",
}


def _ecc_errors(handle: Handle, kind: int) -> int:
    """Since the driver was loaded."""
    count: int = pynvml.nvmlDeviceGetTotalEccErrors(handle, kind, pynvml.NVML_VOLATILE_ECC)
    return count


def _rows(handle: Handle) -> dict[str, object]:
    corrected, uncorrected, pending, failed = pynvml.nvmlDeviceGetRemappedRows(handle)
    return {
        "remapped_rows.correctable": corrected,
        "remapped_rows.uncorrectable": uncorrected,
        "row_remap_pending": bool(pending),
        "row_remap_failed": bool(failed),
    }


def _by_number(handle: Handle) -> dict[str, object]:
    """Two figures that have a number in place of a function of their own."""
    numbers = (pynvml.NVML_FI_DEV_MEMORY_TEMP, pynvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION)
    degrees, action = (
        _why(found.nvmlReturn) if found.nvmlReturn else int(found.value.uiVal)
        for found in pynvml.nvmlDeviceGetFieldValues(handle, numbers)
    )
    return {
        "memory_temperature_celsius": degrees,
        "recovery_action": action
        if isinstance(action, Why)
        else _RECOVERY.get(action, f"unknown ({action})"),
    }


def _why(code: int) -> Why:
    """A number that the driver has not heard of is an invalid argument to it."""
    if code == pynvml.NVML_ERROR_INVALID_ARGUMENT:
        return Why(TOO_OLD)
    return reason_of(pynvml.NVMLError(code))


HEALTH: Final = (
    Question(("memory_temperature_celsius", "recovery_action"), _by_number),
    one("ecc_enabled", lambda handle: bool(pynvml.nvmlDeviceGetEccMode(handle)[0])),
    one(
        "ecc_uncorrected_errors",
        lambda handle: _ecc_errors(handle, pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED),
    ),
    one(
        "ecc_corrected_errors",
        lambda handle: _ecc_errors(handle, pynvml.NVML_MEMORY_ERROR_TYPE_CORRECTED),
    ),
    Question(
        (
            "remapped_rows.correctable",
            "remapped_rows.uncorrectable",
            "row_remap_pending",
            "row_remap_failed",
        ),
        _rows,
    ),
    one(
        "retired_pages_pending",
        lambda handle: bool(pynvml.nvmlDeviceGetRetiredPagesPendingStatus(handle)),
    ),
)
