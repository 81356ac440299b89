"""A file that is read without trust: it may be a pipe, a folder, or far too large."""

import os
import stat
from pathlib import Path


class Unreadable(OSError):
    """Something stands there that cannot be read; why, in words that follow its name."""


def read_regular(path: Path, *, at_most: int) -> bytes:
    """A regular file's bytes. Raises FileNotFoundError, Unreadable."""
    return _read(path, at_most, whole=True)


def read_beginning(path: Path, *, at_most: int) -> bytes:
    """The first bytes of a regular file of any size. Raises FileNotFoundError, Unreadable."""
    return _read(path, at_most, whole=False)


def _read(path: Path, at_most: int, *, whole: bool) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    except ValueError:  # a NUL in the name
        raise Unreadable("is not a file's name") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise Unreadable("is a folder" if stat.S_ISDIR(status.st_mode) else "is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        if whole and status.st_size > at_most:
            raise Unreadable(f"has {status.st_size:,} bytes, far more than such a file has")
        try:
            data: bytes | None = file.read(at_most)
        except OSError as error:
            raise Unreadable(f"cannot be read: {error.strerror}") from None
        if data is None:  # one of the kernel's, e.g. /proc/kmsg, which would be waited for
            raise Unreadable("is not a regular file")
        return data
