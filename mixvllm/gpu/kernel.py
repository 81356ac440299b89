"""What the kernel says of the driver and of its cards, without a word from the driver itself."""

import errno
import os
import re
import time
from typing import Final, NamedTuple

from mixvllm.gpu.holder import PROC, read

KMSG: Final = "/dev/kmsg"

# ``NVRM: Xid (PCI:0000:1a:00): 79, pid=1234, name=python3, GPU has fallen off the bus.``
_XID: Final = re.compile(rb"NVRM: Xid \((?:PCI:)?([0-9A-Fa-f:.]+)\): (\d+),?\s*(.*)")
_MOST: Final = 256  # errors that are kept, the newest: a card can log one for every kernel
_RECORD: Final = 8192  # bytes of the longest: CONSOLE_EXT_LOG_MAX of Linux, printk.c


def driver_version(proc: str = PROC) -> str | None:
    """The version of the driver that the kernel has loaded; None when there is none.

    The line reads ``NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05  ...``, with
    ``Open Kernel Module for x86_64`` for the open one.
    """
    line = read(f"{proc}/driver/nvidia/version").decode("utf-8", "replace")
    match = re.search(r"Kernel Module(?: for \S+)?\s+(\d+(?:\.\d+)+)", line)
    return match[1] if match else None


def is_wsl(proc: str = PROC) -> bool:
    """Whether this Linux is a guest of Windows, whose driver is the one that is asked."""
    return b"microsoft" in read(f"{proc}/sys/kernel/osrelease").lower()


def is_jetson(proc: str = PROC) -> bool:
    """Whether this is one of NVIDIA's boards with processor and graphics in one."""
    return b"nvidia,tegra" in read(f"{proc}/device-tree/compatible")


class LoggedXid(NamedTuple):
    """An error that the driver wrote to the kernel's log."""

    bus: tuple[int, int, int]  # PCI domain, bus and device
    code: int
    message: str
    at: float  # seconds since the machine started


def bus_of(text: str) -> tuple[int, int, int] | None:
    """The place in ``00000000:1A:00.0``; the log writes it shorter."""
    match = re.match(r"(?:([0-9a-f]+):)?([0-9a-f]+):([0-9a-f]+)(?:\.\d+)?$", text, re.IGNORECASE)
    return (int(match[1] or "0", 16), int(match[2], 16), int(match[3], 16)) if match else None


class KernelLog:
    """The kernel's log, read on from where the last look ended.

    A record is ``priority,number,microseconds,flags;text`` (Linux, Documentation/ABI/testing/
    dev-kmsg). ``why`` says why it cannot be read: only root may, on most machines.
    """

    def __init__(self, path: str = KMSG) -> None:
        self.why = ""
        self.found: list[LoggedXid] = []
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            self._fd = -1
            closed = error.errno in (errno.EPERM, errno.EACCES)
            why = "is closed to this user" if closed else "is not there"
            self.why = f"the kernel's log {why} ({path})"

    def read_on(self) -> None:
        """Add what was written since to ``found``."""
        rest = b""
        while self._fd >= 0:
            try:
                piece = os.read(self._fd, _RECORD)
            except BrokenPipeError:
                continue  # some records were overwritten before they were read
            except OSError:
                break  # EAGAIN: no more of them now
            if not piece:
                break
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if b"NVRM: Xid" in line:
                    self._add(line)

    def _add(self, line: bytes) -> None:
        match = _XID.search(line)
        bus = bus_of(match[1].decode()) if match else None
        if match is None or bus is None:
            return
        head = line.partition(b";")[0].split(b",")
        microseconds = int(head[2]) if len(head) > 2 and head[2].isdigit() else 0
        text = match[3].decode("utf-8", "replace")
        shown = "".join(letter if letter.isprintable() else "?" for letter in text)
        self.found.append(LoggedXid(bus, int(match[2]), shown, microseconds / 1e6))
        del self.found[:-_MOST]


def seconds_since_start() -> float:
    """On the clock of the kernel's log."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)
