"""Why no card of this machine can be asked, in words, each with the next step."""

from typing import Final

from mixvllm.core.diagnostic import Severity
from mixvllm.gpu.holder import PROC
from mixvllm.gpu.inventory import Problem
from mixvllm.gpu.kernel import driver_version, is_jetson

LIBRARY: Final = "libnvidia-ml.so.1"
_IN_A_CONTAINER: Final = "in a container, start it with --gpus all"


def refusal(code: str, detail: str, proc: str = PROC) -> Problem:
    """What the driver's refusal to be opened means; ``proc`` is where the kernel tells things."""
    kernel = driver_version(proc)
    match code:
        case "no-library" if is_jetson(proc):
            return jetson()
        case "no-library":
            return no_library(detail, kernel)
        case "driver-not-loaded":
            return not_loaded()
        case "version-mismatch":
            return mismatch(kernel, detail or None)
        case "no-permission":
            return no_permission()
        case "no-answer":
            return no_answer(float(detail))
    return driver_error(detail)


def card_fault(index: int, kind: str, reason: str) -> Problem:
    """Why a card is not complete: it is lost, hangs, or refuses."""
    if kind == "lost":
        return _problem(
            "card-lost",
            f"card {index} no longer answers: {reason}",
            "`sudo dmesg | grep -i xid` tells the cause; reset it with "
            f"`nvidia-smi --gpu-reset -i {index}`, or reboot",
            index,
        )
    if kind == "hangs":
        return _problem(
            "no-answer",
            f"card {index} {reason}; what it had told by then is shown",
            f"`sudo dmesg | grep -i xid` may tell why; `nvidia-smi -i {index}` may hang too",
            index,
        )
    return _problem(
        "card-error",
        f"card {index} cannot be asked: {reason}",
        f"`nvidia-smi -q -i {index}` and `sudo dmesg | grep -i xid` tell more",
        index,
    )


def _problem(code: str, message: str, hint: str, gpu: int | None = None) -> Problem:
    return Problem(code, message, hint, gpu, Severity.ERROR)


def no_library(why: str, kernel: str | None) -> Problem:
    """NVML cannot be loaded. ``why`` is the loader's sentence, ``kernel`` the loaded driver."""
    if "No such file" not in why:
        return _problem(
            "no-library",
            f"the NVIDIA driver cannot be asked: {LIBRARY} does not load: {why}",
            "reinstall the driver's libraries",
        )
    if kernel is not None:
        return _problem(
            "no-library",
            f"the kernel has NVIDIA driver {kernel}, but {LIBRARY} was not found",
            f"install the driver's libraries; {_IN_A_CONTAINER}",
        )
    return _problem(
        "no-library",
        f"no NVIDIA driver on this machine: {LIBRARY} was not found",
        f"install the driver; {_IN_A_CONTAINER}. vLLM's CPU build serves without a card",
    )


def jetson() -> Problem:
    """A board whose driver comes without NVML."""
    return _problem(
        "no-library",
        f"this is a Jetson, and its driver comes without {LIBRARY}: the card cannot be asked",
        "`tegrastats` shows the load; vLLM asks CUDA, and does without it",
    )


def not_loaded() -> Problem:
    """The library is there, the kernel module is not."""
    return _problem(
        "driver-not-loaded",
        f"{LIBRARY} is installed, but the NVIDIA driver is not loaded",
        f"`sudo modprobe nvidia` loads it, `sudo dmesg | grep -i nvrm` says why not; "
        f"{_IN_A_CONTAINER}",
    )


def mismatch(kernel: str | None, library: str | None) -> Problem:
    """Kernel module and library are of two releases of the driver."""
    has = f"NVIDIA driver {kernel}" if kernel else "another version of the NVIDIA driver"
    return _problem(
        "version-mismatch",
        f"the kernel has {has}, but {LIBRARY} is of {library or 'an unknown version'}",
        "the driver was updated while it was loaded: reboot, or unload and load its modules; "
        "a container must be started anew",
    )


def no_permission() -> Problem:
    """The device files are closed to this user."""
    return _problem(
        "no-permission",
        "this user may not talk to the NVIDIA driver",
        f"`ls -l /dev/nvidia*` shows who may; {_IN_A_CONTAINER}",
    )


def no_cards(version: str | None) -> Problem:
    """The driver is loaded, and sees nothing."""
    return _problem(
        "no-cards",
        f"NVIDIA driver {version or 'of an unknown version'} is loaded, but sees no card",
        f"`lspci | grep -i nvidia` lists what is plugged in; {_IN_A_CONTAINER}",
    )


def no_answer(seconds: float) -> Problem:
    """The driver hangs as a whole."""
    return _problem(
        "no-answer",
        f"the NVIDIA driver did not answer within {seconds:g} s",
        "`nvidia-smi` hangs too, most likely; `sudo dmesg | grep -i nvrm` says since when",
    )


def driver_error(reason: str) -> Problem:
    """NVML refuses to begin, for a reason of its own."""
    return _problem(
        "driver-error",
        f"the NVIDIA driver cannot be asked: {reason}",
        "`nvidia-smi` and `sudo dmesg | grep -i nvrm` tell more",
    )
