"""Who a pid is that the driver says holds a card's memory."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")

# The driver gives pids of the host. In another pid namespace (a container) the same number can
# be somebody else, so nobody is named there. The inode number of the first pid namespace is
# fixed: PROC_PID_INIT_INO in Linux, include/linux/proc_ns.h.
_HOST_NAMESPACE: Final = "pid:[4026531836]"


@dataclass(frozen=True, slots=True)
class Holder:
    """A command's name and its user."""

    name: str
    user: str


def pids_are_ours(proc: Path = PROC) -> bool:
    """Whether a pid of the driver means the same process here."""
    try:
        return str((proc / "self/ns/pid").readlink()) == _HOST_NAMESPACE
    except OSError:
        return False


def _shown(raw: bytes) -> str:
    """Text for a terminal: anybody may name a process, control characters included."""
    text = raw.decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text).strip()


def holder_of(pid: int, proc: Path = PROC) -> Holder | None:
    """The process behind a pid; None when it is gone or hidden from us.

    A process may set a title (``VLLM::EngineCore``); that is its name then.
    """
    folder = proc / str(pid)
    try:
        title = (folder / "cmdline").read_bytes().split(b"\0")[0] or (folder / "comm").read_bytes()
        owner = folder.stat().st_uid
    except OSError:
        return None
    if title.startswith(b"/") and b" " not in title:
        title = os.path.basename(title)  # noqa: PTH119  bytes, not a Path
    try:
        user = pwd.getpwuid(owner).pw_name
    except KeyError:
        user = str(owner)
    return Holder(_shown(title), user)
