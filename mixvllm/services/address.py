"""Addresses of this machine: whether one can be listened on, and who does already."""

import socket
from pathlib import Path
from typing import Final, TypeAlias

from mixvllm.core.limit import within

Address: TypeAlias = tuple[socket.AddressFamily, tuple[str | int | bytes, ...]]
_LOOKUP: Final = 1.0  # seconds for a host name: the answer is in /etc/hosts, or near


class NoAddress(Exception):
    """A host name that stands for no address; why, in words that follow it."""


def resolve(host: str, port: int) -> Address:
    """The address to bind. Raises NoAddress. Numbers are not looked up anywhere."""
    try:
        found = _lookup(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        try:
            found = within(_LOOKUP, lambda: _lookup(host, port, 0))
        except (socket.gaierror, UnicodeError):  # UnicodeError: a label of more than 63 letters
            raise NoAddress("cannot be resolved to an address") from None
        except TimeoutError:
            raise NoAddress(f"was not resolved within {_LOOKUP:g} s") from None
    return found


def _lookup(host: str, port: int, flags: int) -> Address:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | flags)
    return found[0][0], found[0][4]


def try_to_bind(address: Address) -> None:
    """Take it as vLLM will, for an instant. Raises OSError."""
    family, place = address
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as vLLM does
        trial.bind(place)


def is_ours(host: str) -> bool | None:
    """Whether a numeric address is one of this machine; None when it is no number."""
    try:
        try_to_bind(_lookup(host, 0, socket.AI_NUMERICHOST))
    except socket.gaierror:
        return None
    except OSError:
        return False
    return True


def holder_of(port: int) -> str:
    """Who listens on a port, in words; only root sees the processes of others."""
    import psutil  # tens of milliseconds that only a taken port costs

    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and port in connection.laddr[1:2]:
                return name_of(connection.pid)
    except psutil.Error:
        pass
    return "another process (whose, only root can see)"


def name_of(pid: int | None) -> str:
    """A process in words: ``pid 14256 (python3 server.py)``."""
    import psutil

    if pid is None:
        return "a process of another user"
    try:
        process = psutil.Process(pid)
        words = process.cmdline()
        shown = Path(words[0]).name if words else process.name()
        rest = " ".join(Path(w).name if "/" in w else w for w in words[1:6])
        return f"pid {pid} ({shown} {rest})".replace(" )", ")")
    except psutil.Error:
        return f"pid {pid}"
