"""What can be known to fail before anything is started: ports and the folder of the logs."""

import errno
import os
import shutil
import socket
from pathlib import Path
from typing import Final, NoReturn

from mixvllm.core.errors import MachineFault, PortTaken
from mixvllm.core.units import show_size
from mixvllm.services.address import NoAddress, holder_of, name_of, resolve, try_to_bind
from mixvllm.services.reservation import Reservation, Reserved

_ROOM: Final = 16 * 2**20  # bytes that a run's files need at the least


def take_port(host: str, port: int, *, key: str) -> Reservation:
    """Make sure of an address, now and until the engine listens there.

    ``key`` is the profile's key of the port. Raises MachineFault when the address cannot be
    had: PortTaken when somebody listens there, or another `serve` is about to.
    """
    try:
        address = resolve(host, port)
    except NoAddress as why:
        raise MachineFault(
            f"{host} is no address of this machine: it {why}",
            hint=f"set {key.removesuffix('port')}host to 127.0.0.1, 0.0.0.0,"
            " or a name that resolves",
        ) from None
    try:
        try_to_bind(address)
    except OSError as error:
        _refused(error, host, port, key)
    try:
        return Reservation(str(address[1][0]), port)
    except Reserved as other:
        holder = "another `mixvllm serve`" if other.pid is None else name_of(other.pid)
        raise PortTaken(host, port, holder, key=key) from None


def listen(host: str, port: int, *, key: str) -> socket.socket:
    """A socket that listens there from now on. Raises MachineFault, as :func:`take_port`."""
    reservation = take_port(host, port, key=key)
    family, place = resolve(host, port)
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen()
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        _refused(error, host, port, key)
    finally:
        reservation.close()
    return listening


def _refused(error: OSError, host: str, port: int, key: str) -> NoReturn:
    if error.errno == errno.EADDRINUSE:
        raise PortTaken(host, port, holder_of(port), key=key) from None
    if error.errno == errno.EADDRNOTAVAIL:
        raise MachineFault(
            f"{host} is no address of this machine",
            hint="use 127.0.0.1, 0.0.0.0, or one that `ip addr` shows",
        ) from None
    if error.errno == errno.EACCES:
        raise MachineFault(
            f"port {port} on {host} is not allowed for this user",
            hint=f"ports below 1024 need root; try --set {key}=8000",
        ) from None
    raise MachineFault(f"port {port} on {host}: {error.strerror}") from None


def make_run_folder(base: Path, name: str, stamp: str) -> Path:
    """A new folder for a run's files, with room in it. Raises MachineFault."""
    folder = base / name / stamp
    try:
        folder.mkdir(parents=True, mode=0o700)
    except FileExistsError:
        folder = folder.with_name(f"{stamp}-{os.getpid()}")
        return make_run_folder(base, name, folder.name)
    except OSError as error:
        raise MachineFault(
            f"the folder of the logs {base} cannot be used: {error.strerror}", hint=_elsewhere()
        ) from None
    free = shutil.disk_usage(folder).free
    if free < _ROOM:
        _give_up(folder)
        raise MachineFault(
            f"the disk of {base} is full: {show_size(free)} free, {show_size(_ROOM)} are needed",
            hint=_elsewhere(),
        )
    try:
        (folder / "vllm.log").touch(mode=0o600)
        probe = folder / ".room"
        probe.write_bytes(bytes(64 * 1024))  # a quota or a full disk shows only on writing
        probe.unlink()
    except OSError as error:
        _give_up(folder)
        raise MachineFault(
            f"no file can be written in {base}: {error.strerror}", hint=_elsewhere()
        ) from None
    return folder


def _give_up(folder: Path) -> None:
    """Leave nothing behind in a place where nothing can be kept."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.parent.rmdir()
    except OSError:
        return


def _elsewhere() -> str:
    return "make room, or name another folder: --set logging.directory=DIR"
