"""Which processes hold memory of a card, or of a MIG device."""

import re
from functools import cache
from typing import Final

from mixvllm.gpu.nvml.binding import pynvml
from mixvllm.gpu.nvml.door import FAULTS, Handle, newest, text

# From 535.43 to 535.86 the third version of the process calls had a longer record, which the
# binding would misread; the second version is right there.
_LONG_RECORDS: Final = range(43, 87)


def processes(handle: Handle) -> list[dict[str, object]]:
    """Compute processes, and graphics ones where the card tells them; by pid.

    Who they are is for others to find out: the driver knows their numbers alone.
    """
    held: dict[int, dict[str, object]] = {
        pid: {"pid": pid, "kinds": ["compute"], "memory_bytes": used}
        for pid, used in _running("Compute", handle)
    }
    try:
        graphics = _running("Graphics", handle)
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound):
        graphics = []  # a card that draws nothing
    for pid, used in graphics:
        kinds = ["compute", "graphics"] if pid in held else ["graphics"]
        held[pid] = {"pid": pid, "memory_bytes": used, **held.get(pid, {}), "kinds": kinds}
    return [held[pid] for pid in sorted(held)]


def _running(kind: str, handle: Handle) -> list[tuple[int, int | None]]:
    """pid and bytes of the processes of one kind, ``Compute`` or ``Graphics``.

    The call without a version is avoided: it is the one that raises NVMLLibraryMismatchError.
    """
    third, second = (
        getattr(pynvml, f"nvmlDeviceGet{kind}RunningProcesses_{version}")
        for version in ("v3", "v2")
    )
    if _records_are_long():
        third, second = second, third
    found = newest(lambda: third(handle), lambda: second(handle))
    return [(item.pid, item.usedGpuMemory) for item in found]


@cache  # the driver does not change under a library that is open
def _records_are_long() -> bool:
    try:
        match = re.match(r"535\.(\d+)", text(pynvml.nvmlSystemGetDriverVersion))
    except FAULTS:
        return False
    return match is not None and int(match[1]) in _LONG_RECORDS
