"""Whether there is a driver to ask at all: known without its binding, which is slow to load."""

import ctypes

from mixvllm.gpu.faults import LIBRARY


def has_library() -> bool:
    """Whether NVML can be loaded; it comes with the driver."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True
