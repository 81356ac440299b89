"""``pynvml``, imported quickly; everything else in this package takes it from here.

nvidia-ml-py 13.615 asks for ``ctypes.util`` and has no use for it on Linux. That module loads
subprocess, tempfile and shutil, which is half of what importing the binding costs.
"""

import sys
import types
from typing import Final

_UTIL: Final = "ctypes.util"


def _find_library(name: str) -> str | None:
    from ctypes.util import find_library

    return find_library(name)


def _import_pynvml() -> types.ModuleType:
    stand_in = types.ModuleType(_UTIL)
    stand_in.__dict__["find_library"] = _find_library
    sys.modules.setdefault(_UTIL, stand_in)
    try:
        import pynvml
    finally:
        if sys.modules[_UTIL] is stand_in:
            del sys.modules[_UTIL]
    found: types.ModuleType = pynvml
    return found


pynvml: Final = _import_pynvml()
