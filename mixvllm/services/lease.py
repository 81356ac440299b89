"""Who uses which card: a file for each, locked for as long as a run lives.

vLLM measures a card's free memory when it starts and takes its share of all of it, so two that
start on one card at a time spoil each other's sum, minutes before either fails. A supervisor
therefore locks a file for each of its cards, before it looks how much is free there, and its
keeper holds the same lock: it falls when the last of the two has ended, of whatever cause, and
a keeper ends after its engine.

The files stand in a folder that every user of the machine has, so they are read as a
stranger's: no link is followed, nothing but a small plain file is opened, and what is in it is
only ever shown. Whoever comes first makes the file, for everybody; it stays, as only its lock
says anything. The lock is one of open file descriptions (fcntl(2)): unlike flock(2), it can be
asked about without being taken, and it has ranges. Byte 0 is the lease, byte 1 a start.
"""

import errno
import fcntl
import os
import stat
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from mixvllm.services.lessee import Lessee, read_lessee, tell

# What every user of a machine can write to, and nobody can take away from another (sticky).
_FOLDERS: Final = (Path("/run/lock"), Path("/dev/shm"), Path("/tmp"))  # noqa: S108
_OPEN_TO_ALL: Final = 0o1777
_NAME: Final = "mixvllm-{}.lease"
_LETTERS: Final = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.")
_FLOCK: Final = struct.Struct("hhqqi4x")  # struct flock, fcntl(2), on 64-bit Linux
_LEASE: Final = 0
_START: Final = 1


class Taken(Exception):
    """Somebody else uses a card."""

    def __init__(self, uuid: str, lessee: Lessee) -> None:
        super().__init__(uuid, lessee)
        self.uuid = uuid
        self.lessee = lessee


class NoLease(Exception):
    """A card's file cannot be used; why, in words that name the file."""

    def __init__(self, uuid: str, why: str) -> None:
        super().__init__(why)
        self.uuid = uuid


class Lease:
    """A card that is ours until :meth:`close`, or until all that have ``fd`` are gone."""

    def __init__(self, uuid: str, fd: int) -> None:
        self.uuid = uuid
        self.fd = fd

    def begin(self, lessee: Lessee) -> bool:
        """Start an engine on a card that is shared; False while another one starts there."""
        if not _lock(self.fd, _START, fcntl.F_WRLCK):
            return False
        tell(self.fd, lessee)
        return True

    def begun(self) -> None:
        """Our engine has measured the card's memory and taken its part: let others start."""
        _lock(self.fd, _START, fcntl.F_UNLCK)

    def starter(self) -> Lessee:
        """Who begins there, or did last."""
        return read_lessee(self.fd)

    def close(self) -> None:
        """Let others have it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Leases:
    """The leases of a machine; ``folder`` None: it has no folder for them, and nothing is held."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    @classmethod
    def of_this_machine(cls) -> "Leases":
        """In the first folder that all users have, so that all look into the same."""
        return cls(next((folder for folder in _FOLDERS if _is_for_all(folder)), None))

    def take(self, uuids: Iterable[str], lessee: Lessee, *, shared: bool = False) -> list[Lease]:
        """All of these cards, or none. ``shared`` with those who share it as well; of them the
        one that began last is named.

        Raises:
            Taken: somebody else has one.
            NoLease: the file of one cannot be used.
        """
        if self.folder is None:
            return []
        with ExitStack() as undo:
            leases = []
            for uuid in sorted(set(uuids)):
                lease = Lease(uuid, self._opened(uuid))
                undo.callback(lease.close)
                if not _lock(lease.fd, _LEASE, fcntl.F_RDLCK if shared else fcntl.F_WRLCK):
                    raise Taken(uuid, read_lessee(lease.fd))
                if not shared:
                    tell(lease.fd, lessee)
                leases.append(lease)
            undo.pop_all()
            return leases

    def holders(self, *, shared: bool = False) -> Mapping[str, Lessee]:
        """Who uses each card, by its UUID; of a slice, by that of the slice. ``shared``: without
        those who would share it.
        """
        return dict(self._holders(fcntl.F_RDLCK if shared else fcntl.F_WRLCK))

    def _holders(self, kind: int) -> Iterator[tuple[str, Lessee]]:
        before, after = _NAME.split("{}")
        try:
            paths = sorted(self.folder.iterdir()) if self.folder is not None else []
        except OSError:
            return
        for path in paths:
            if path.name.startswith(before) and path.name.endswith(after):
                with _looked_at(str(path)) as fd:
                    if fd is not None and _is_locked(fd, kind):
                        yield path.name.removeprefix(before).removesuffix(after), read_lessee(fd)

    def _opened(self, uuid: str) -> int:
        """A descriptor of a card's file, which is made if need be."""
        if not uuid or not _LETTERS.issuperset(uuid):
            raise NoLease(uuid, "its UUID is no name for a file")
        path = f"{self.folder}/{_NAME.format(uuid)}"
        try:
            while True:
                fd = _open(path, os.O_RDWR) if os.path.lexists(path) else _made(path)
                if fd is not None:
                    return fd
        except OSError as error:
            raise NoLease(uuid, f"its lease file {path} {_why(error)}") from None


def _is_for_all(folder: Path) -> bool:
    """Not where its file system is read-only, as that of a container may be."""
    try:
        mode = stat.S_IMODE(folder.stat().st_mode)
    except OSError:
        return False
    return mode & _OPEN_TO_ALL == _OPEN_TO_ALL and os.access(folder, os.W_OK)


def _made(path: str) -> int | None:
    """A new file that every user may lock; None when somebody else was faster."""
    before = os.umask(0)
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError:
        return None
    finally:
        os.umask(before)


def _open(path: str, mode: int) -> int | None:
    """A plain file that is there; None when it has gone. Raises OSError."""
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        fd = os.open(path, mode | flags)
    except FileNotFoundError:
        return None
    about = os.fstat(fd)
    if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
        os.close(fd)
        raise OSError(errno.EINVAL, "it is no plain file")
    return fd


def _why(error: OSError) -> str:
    match error.errno:
        case errno.ELOOP | errno.EINVAL | errno.EISDIR | errno.ENXIO:
            return "is no plain file"
        case errno.EACCES | errno.EPERM:
            return "is closed to this user"
        case _:
            return f"cannot be used: {(error.strerror or str(error)).lower()}"


@contextmanager
def _looked_at(path: str) -> Iterator[int | None]:
    try:
        fd = _open(path, os.O_RDONLY)
    except OSError:
        fd = None
    try:
        yield fd
    finally:
        if fd is not None:
            os.close(fd)


def _range(kind: int, byte: int) -> bytes:
    return _FLOCK.pack(kind, os.SEEK_SET, byte, 1, 0)


def _lock(fd: int, byte: int, kind: int) -> bool:
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _range(kind, byte))
    except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, fcntl(2)
        return False
    return True


def _is_locked(fd: int, kind: int) -> bool:
    """Whether a lock of this kind would be refused."""
    answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _range(kind, _LEASE))
    found: int = _FLOCK.unpack(answer)[0]
    return found != fcntl.F_UNLCK


def holders(*, shared: bool = False) -> Mapping[str, Lessee]:
    """Who uses which card of this machine, by UUID; ``shared``: without those who would share it.
    Asks files, and takes no lock.
    """
    return Leases.of_this_machine().holders(shared=shared)
