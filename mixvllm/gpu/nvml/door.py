"""Opening NVML, attaching to a card, and what it means when either refuses.

Symbols come and go with the driver (``nvmlDeviceGetMemoryInfo_v2`` and the ``_v3`` process
calls came after R470): an older one is tried where a newer one is missing.
"""

import ctypes
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias, TypeVar

from mixvllm.gpu.holder import PROC
from mixvllm.gpu.kernel import driver_version
from mixvllm.gpu.nvml.binding import pynvml

T = TypeVar("T")

Handle: TypeAlias = object

LIBRARY: Final = "libnvidia-ml.so.1"

# What a call may raise. NVMLLibraryMismatchError (an unversioned process call on a driver
# without the newest symbol) is no NVMLError: nvidia-ml-py 13.615, pynvml.py.
FAULTS: Final = (pynvml.NVMLError, pynvml.NVMLLibraryMismatchError, OSError, ValueError)

TOO_OLD: Final = "the driver is too old to tell"
NOT_SUPPORTED: Final = "not supported by this card"
NOT_AVAILABLE: Final = "the driver has no figure for it"
NO_FIGURE: Final = (2**32 - 1, 2**64 - 1)  # nvml.h: NVML_VALUE_NOT_AVAILABLE is -1, of any size

_MOST_CARDS: Final = 1024  # a driver that counts more has lost count

_LOST: Final = (pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED)
# Another version of the same call may do better.
_OTHER_VERSION: Final = (
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
    pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
    pynvml.NVML_ERROR_NOT_SUPPORTED,
)
# code of NVML -> our word for why nobody can be asked; anything else is a driver-error
_REFUSALS: Final = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: "no-library",
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "driver-not-loaded",
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "version-mismatch",
    pynvml.NVML_ERROR_NO_PERMISSION: "no-permission",
}


class Refused(Exception):
    """No card can be asked. ``code`` is that of a Problem, the text what is behind it."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(detail)
        self.code = code


class Why(str):
    """The reason why a figure is not there, where the figure would be."""

    __slots__ = ()


def code_of(error: Exception) -> int | None:
    """The number of an NVML error."""
    value = getattr(error, "value", None)
    return value if isinstance(value, int) else None


def reason_of(error: Exception) -> Why:
    """Why a figure is not there, in words."""
    if isinstance(error, pynvml.NVMLLibraryMismatchError):
        return Why(TOO_OLD)
    match code_of(error):
        case pynvml.NVML_ERROR_NOT_SUPPORTED:
            return Why(NOT_SUPPORTED)
        case pynvml.NVML_ERROR_NO_PERMISSION:
            return Why("the driver does not tell this user")
        case pynvml.NVML_ERROR_FUNCTION_NOT_FOUND:
            return Why(TOO_OLD)
        case pynvml.NVML_ERROR_GPU_IS_LOST:
            return Why("the card is lost")
        case pynvml.NVML_ERROR_RESET_REQUIRED:
            return Why("the card needs a reset")
        case int(code):
            words = str(error).rstrip(".").lower()
            return Why(f"the driver answered '{words}' (NVML error {code})")
    return Why(error)


def is_lost(error: Exception) -> bool:
    """Whether the card is beyond questions."""
    return code_of(error) in _LOST


def text(call: Callable[[], str]) -> str:
    """The answer as text. The binding decodes strictly; firmware is not always that strict."""
    try:
        return call()
    except UnicodeDecodeError as error:
        return error.object.decode("utf-8", "replace")


def newest(*calls: Callable[[], T]) -> T:
    """The answer of the first version of a call that this driver has. Raises one of FAULTS."""
    for call in calls[:-1]:
        try:
            return call()
        except pynvml.NVMLError as error:
            if code_of(error) not in _OTHER_VERSION:
                raise
    return calls[-1]()


def value_or_why(call: Callable[[], T]) -> T | Why:
    """The answer, or why there is none. Raises only what says that the card is lost."""
    try:
        return call()
    except FAULTS as error:
        if is_lost(error):
            raise
        return reason_of(error)


def alike(fields: Iterable[str], why: Why) -> dict[str, object]:
    """Several figures that are not there for one reason."""
    return dict.fromkeys(fields, why)


def open_nvml(proc: str = PROC) -> dict[str, object]:
    """Load the library and initialise it: ``{"version", "cuda_version"}``. Raises Refused."""
    try:
        pynvml.nvmlInit()
    except FAULTS as error:
        raise _refusal(error) from error
    version = _or_none(lambda: text(pynvml.nvmlSystemGetDriverVersion))
    cuda = _or_none(pynvml.nvmlSystemGetCudaDriverVersion_v2)  # 13000 is 13.0
    return {
        "version": version or driver_version(proc),
        "cuda_version": f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda and cuda > 0 else None,
    }


def _or_none(call: Callable[[], T]) -> T | None:
    """The answer of the driver as a whole: a card that is lost is no reason to ask none."""
    try:
        return call()
    except FAULTS:
        return None


def count_cards() -> int:
    """How many cards there are, as of the opening. Raises Refused.

    A driver that was there when it was opened says best at another opening why it is not now.
    """
    try:
        count: int = pynvml.nvmlDeviceGetCount()
    except FAULTS as error:
        why = _refusal(error)
        try:
            pynvml.nvmlShutdown()
            pynvml.nvmlInit()
        except FAULTS as later:
            why = _refusal(later)
        raise why from error
    if count > _MOST_CARDS:
        raise Refused("driver-error", f"it counts {count} cards")
    return count


def attach(index: int) -> Handle:
    """The handle of a card. Without persistence mode this wakes the card, which takes seconds.

    Raises one of FAULTS.
    """
    handle: Handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    return handle


def _refusal(error: Exception) -> Refused:
    code = _REFUSALS.get(code_of(error) or 0, "driver-error")
    if code == "no-library":
        return Refused(code, _why_it_does_not_load())
    if code == "version-mismatch":
        return Refused(code, _library_version() or "")
    return Refused(code, reason_of(error))


def _why_it_does_not_load() -> str:
    """The loader's own sentence; the binding drops it."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError as error:
        return str(error)
    return "it could not be opened a moment ago, and can be now"


def _library_version() -> str | None:
    """The driver release the library is of: NVML 13.580.95.05 is of driver 580.95.05."""
    try:
        version = text(pynvml.nvmlSystemGetNVMLVersion)  # answers without nvmlInit
    except FAULTS:
        return None
    first, _, rest = version.partition(".")
    return rest if first.isdecimal() and int(first) < 100 and rest else version
