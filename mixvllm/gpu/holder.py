"""Who a pid is that the driver says holds a card's memory."""

# Read beside the driver, in a process that starts light: without pathlib and dataclasses.
# ruff: noqa: PTH115, PTH116, PTH119, PTH123

import os
import pwd
from collections.abc import Iterator
from typing import Final, NamedTuple

PROC: Final = "/proc"

# The driver gives pids of the host. In another pid namespace (a container) the same number can
# be somebody else, so nobody is named there. The inode number of the first pid namespace is
# fixed: PROC_PID_INIT_INO in Linux, include/linux/proc_ns.h.
_HOST_NAMESPACE: Final = "pid:[4026531836]"

_MOST: Final = 4096  # bytes of a command line
_SECRET_ENDS: Final = ("key", "keys", "token", "secret", "password")
_HIDDEN: Final = "***"


class Holder(NamedTuple):
    """A command's name, its user, and the whole of its command line without secrets."""

    name: str
    user: str
    command: str


def read(path: str, most: int = 65536) -> bytes:
    """The beginning of a small file; empty when it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(most)
    except OSError:
        return b""


def pids_are_ours(proc: str = PROC) -> bool:
    """Whether a pid of the driver means the same process here."""
    try:
        return os.readlink(f"{proc}/self/ns/pid") == _HOST_NAMESPACE
    except OSError:
        return False


def _shown(raw: bytes) -> str:
    """Text for a terminal: anybody may name a process, control characters included."""
    text = raw.decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text).strip()


def _without_secrets(words: list[bytes]) -> Iterator[str]:
    """The words, with what follows `--api-key` and its like taken out."""
    secret = False
    for word in map(_shown, words):
        if word.startswith("-"):
            option, equals, _ = word.partition("=")
            secret = option.lower().replace("_", "-").split("-")[-1] in _SECRET_ENDS
            yield f"{option}={_HIDDEN}" if secret and equals else word
            secret = secret and not equals
        else:
            yield _HIDDEN if secret else word


def holder_of(pid: int, proc: str = PROC) -> Holder | None:
    """The process behind a pid; None when it is gone or hidden from us.

    A process may set a title (``VLLM::EngineCore``); that is its name then.
    """
    folder = f"{proc}/{pid}"
    words = [word for word in read(f"{folder}/cmdline", _MOST).split(b"\0") if word]
    title = words[0] if words else read(f"{folder}/comm").strip()
    try:
        owner = os.stat(folder).st_uid
    except OSError:
        return None
    if not title:
        return None
    if title.startswith(b"/") and b" " not in title:
        title = os.path.basename(title)
    try:
        user = pwd.getpwuid(owner).pw_name
    except KeyError:
        user = str(owner)
    command = " ".join(_without_secrets(words)) if words else _shown(title)
    return Holder(_shown(title), user, command)
