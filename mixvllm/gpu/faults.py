"""Why no card of this machine can be asked, in words, each with the next step."""

from typing import Final

from mixvllm.core.errors import MachineFault
from mixvllm.gpu.inventory import Driver, Problem

LIBRARY: Final = "libnvidia-ml.so.1"
_IN_A_CONTAINER: Final = "in a container, start it with --gpus all"


class DriverFault(MachineFault):
    """There is no way to the cards of this machine, or there are none."""

    def __init__(self, problem: Problem, driver: Driver | None = None) -> None:
        super().__init__(problem.message, hint=problem.hint)
        self.problem = problem
        self.driver = driver


def no_library(why: str, kernel: str | None) -> Problem:
    """NVML cannot be loaded. ``why`` is the loader's sentence, ``kernel`` the loaded driver."""
    if "No such file" not in why:
        return Problem(
            "no-library",
            f"the NVIDIA driver cannot be asked: {LIBRARY} does not load: {why}",
            "reinstall the driver's libraries",
        )
    if kernel is not None:
        return Problem(
            "no-library",
            f"the kernel has NVIDIA driver {kernel}, but {LIBRARY} was not found",
            f"install the driver's libraries; {_IN_A_CONTAINER}",
        )
    return Problem(
        "no-library",
        f"no NVIDIA driver on this machine: {LIBRARY} was not found",
        f"install the driver; {_IN_A_CONTAINER}. vLLM's CPU build serves without a card",
    )


def not_loaded() -> Problem:
    """The library is there, the kernel module is not."""
    return Problem(
        "driver-not-loaded",
        f"{LIBRARY} is installed, but the NVIDIA driver is not loaded",
        f"`sudo modprobe nvidia` loads it, `sudo dmesg | grep -i nvrm` says why not; "
        f"{_IN_A_CONTAINER}",
    )


def mismatch(kernel: str | None, library: str | None) -> Problem:
    """Kernel module and library are of two releases of the driver."""
    has = f"NVIDIA driver {kernel}" if kernel else "another version of the NVIDIA driver"
    return Problem(
        "version-mismatch",
        f"the kernel has {has}, but {LIBRARY} is of {library or 'an unknown version'}",
        "the driver was updated while it was loaded: reboot, or unload and load its modules; "
        "a container must be started anew",
    )


def no_permission() -> Problem:
    """The device files are closed to this user."""
    return Problem(
        "no-permission",
        "this user may not talk to the NVIDIA driver",
        f"`ls -l /dev/nvidia*` shows who may; {_IN_A_CONTAINER}",
    )


def no_cards(version: str | None) -> Problem:
    """The driver is loaded, and sees nothing."""
    return Problem(
        "no-cards",
        f"NVIDIA driver {version or 'of an unknown version'} is loaded, but sees no card",
        f"`lspci | grep -i nvidia` lists what is plugged in; {_IN_A_CONTAINER}",
    )


def no_answer(seconds: float) -> Problem:
    """The driver hangs as a whole."""
    return Problem(
        "no-answer",
        f"the NVIDIA driver did not answer within {seconds:g} s",
        "`nvidia-smi` hangs too, most likely; `sudo dmesg | grep -i nvrm` says since when",
    )


def driver_error(reason: str) -> Problem:
    """NVML refuses to begin, for a reason of its own."""
    return Problem(
        "driver-error",
        f"the NVIDIA driver cannot be asked: {reason}",
        "`nvidia-smi` and `sudo dmesg | grep -i nvrm` tell more",
    )
