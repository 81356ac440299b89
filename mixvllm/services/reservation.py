"""An address that is spoken for, long before anybody listens on it.

vLLM binds its port after half a minute of imports, and listens when its model is loaded;
until then a second `serve` would find the port free. So a supervisor holds a name for its
address: an abstract Unix socket (unix(7)). The kernel gives each name once in a network
namespace, as it does ports, tells who holds it, and takes it back when we end, of whatever
cause.
"""

import errno
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_NAMES: Final = Path("/proc/net/unix")
_WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound
# Who asks for the holder's pid stays in its queue, which nobody empties; one that is full tells
# no more. The kernel lowers this to net.core.somaxconn, 4096 from Linux 5.4 on.
_ASKERS: Final = 4096
_CREDENTIALS: Final = struct.Struct("3i")  # pid, uid, gid: ucred, unix(7)


class Reserved(Exception):
    """Another `serve` has this address. ``pid`` is None when it counts pids as we do not."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(pid)
        self.pid = pid


class Reservation:
    """Ours until :meth:`close`, or until we end."""

    def __init__(self, address: str, port: int) -> None:
        """Take it; the address is numeric. Raises Reserved."""
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX)
        name = f"mixvllm/port/{port}/{address}"
        try:
            self._socket.bind(f"\0{name}")
            self._socket.listen(_ASKERS)
            for other in _names(f"mixvllm/port/{port}/"):
                wide = not _WILDCARDS.isdisjoint({address, other.rpartition("/")[2]})
                if other != name and wide:
                    raise Reserved(_holder(other))
        except OSError as error:
            self.close()
            if error.errno != errno.EADDRINUSE:
                raise
            raise Reserved(_holder(name)) from None
        except Reserved:
            self.close()
            raise

    def close(self) -> None:
        """Let others have it."""
        self._socket.close()


def reserved_by(address: str, port: int) -> int | None:
    """The pid of the `serve` that has this address, or one that overlaps with it."""
    for name in _names(f"mixvllm/port/{port}/"):
        other = name.rpartition("/")[2]
        if other == address or not _WILDCARDS.isdisjoint({address, other}):
            return _holder(name)
    return None


def _names(beginning: str) -> Iterator[str]:
    """Abstract names that are bound now."""
    for line in _NAMES.read_text(encoding="utf-8", errors="replace").splitlines():
        name = line.rpartition(" ")[2]
        if name.startswith(f"@{beginning}"):
            yield name[1:]


def _holder(name: str) -> int | None:
    with socket.socket(socket.AF_UNIX) as asking:
        asking.setblocking(False)  # a Unix socket connects at once, or not
        try:
            asking.connect(f"\0{name}")
        except OSError:  # it ended this moment, does not listen yet, or was asked too often
            return None
        found = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid: int = _CREDENTIALS.unpack(found)[0]
    return pid or None
