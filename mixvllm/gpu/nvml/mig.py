"""The devices that a card in MIG mode is cut into."""

import re
from typing import Final

from mixvllm.gpu.nvml.binding import pynvml
from mixvllm.gpu.nvml.door import Handle, Why, newest, text, value_or_why
from mixvllm.gpu.nvml.processes import processes

_NO_SUCH_SLICE: Final = (pynvml.NVML_ERROR_NOT_FOUND, pynvml.NVML_ERROR_INVALID_ARGUMENT)


def mig_devices(handle: Handle) -> dict[str, object]:
    """All of them, by index; none for a card that is whole.

    What one of them cannot tell has its reason as ``mig_devices.uuid`` and the like.
    """
    enabled, _pending = pynvml.nvmlDeviceGetMigMode(handle)
    if not enabled:
        return {"mig_devices": []}
    devices: list[dict[str, object]] = []
    why: dict[str, object] = {}
    for index in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            part = pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
        except pynvml.NVMLError as error:
            if error.value not in _NO_SUCH_SLICE:
                raise
        else:
            answers = _device(part)
            told = {name: None if isinstance(it, Why) else it for name, it in answers.items()}
            devices.append({"index": index, **told})
            why |= {f"mig_devices.{name}": it for name, it in answers.items() if told[name] is None}
    return {"mig_devices": devices, **why}


def _device(part: Handle) -> dict[str, object]:
    held = value_or_why(lambda: processes(part))
    return {
        "uuid": value_or_why(lambda: text(lambda: pynvml.nvmlDeviceGetUUID(part))),
        "profile": value_or_why(lambda: _profile(part)),
        "gpu_instance": value_or_why(lambda: pynvml.nvmlDeviceGetGpuInstanceId(part)),
        "compute_instance": value_or_why(lambda: pynvml.nvmlDeviceGetComputeInstanceId(part)),
        "memory": value_or_why(lambda: _memory(part)),
        "processes": held,
    }


def _memory(part: Handle) -> dict[str, object]:
    info = newest(
        lambda: pynvml.nvmlDeviceGetMemoryInfo(part, version=pynvml.nvmlMemory_v2),
        lambda: pynvml.nvmlDeviceGetMemoryInfo(part),
    )
    return {
        "total_bytes": info.total,
        "used_bytes": info.used,
        "free_bytes": info.free,
        "reserved_bytes": getattr(info, "reserved", None),
    }


def _profile(part: Handle) -> str:
    """``1g.10gb``: the end of the device's name, or put together from its share of the card."""
    named = re.search(r"MIG (\S+)$", text(lambda: pynvml.nvmlDeviceGetName(part)))
    if named:
        return named[1]
    share = pynvml.nvmlDeviceGetAttributes_v2(part)
    whole, part_of_it = share.gpuInstanceSliceCount, share.computeInstanceSliceCount
    cut = f"{part_of_it}c." if part_of_it < whole else ""
    return f"{cut}{whole}g.{round(share.memorySizeMB / 1024)}gb"
