"""A profile's file put in place of the old one, whole or not at all."""

import os
import stat
import tempfile
from codecs import BOM_UTF8
from contextlib import suppress
from pathlib import Path
from typing import Final

from mixvllm.core.errors import MachineFault

_BY_HAND: Final = "nothing was changed; --diff prints the edits"


def encoded(text: str, before: bytes) -> bytes:
    """A text as it takes the place of these bytes: with a byte order mark where they have one."""
    return (BOM_UTF8 if before.startswith(BOM_UTF8) else b"") + text.encode()


def rewrite(path: Path, before: bytes, after: bytes) -> None:
    """Put ``after`` into a file that holds ``before``; its mode, owner and attributes are kept.

    Symbolic links are followed: what they point to is replaced. A reader sees the old text or
    the new one, never a part of it.

    Raises:
        MachineFault: the file changed since it was read, or cannot be replaced as it was.
    """
    try:
        real = path.resolve(strict=True)
        _replace(real, path, before, after)
    except OSError as error:
        raise MachineFault(f"{path} cannot be written: {error.strerror}", hint=_BY_HAND) from None


def _replace(real: Path, named: Path, before: bytes, after: bytes) -> None:
    was = real.stat()
    if not os.access(real, os.W_OK):
        raise MachineFault(f"{named} is read-only", hint=_BY_HAND)
    with tempfile.NamedTemporaryFile(dir=real.parent, prefix=".mixvllm-", delete=False) as file:
        new = Path(file.name)
        try:
            file.write(after)
            file.flush()
            _as_it_was(file.fileno(), real, was, named)
            os.fsync(file.fileno())
            if real.read_bytes() != before:
                raise MachineFault(
                    f"{named} changed while it was being checked",
                    hint="nothing was written; run it again",
                )
            new.replace(real)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
    with suppress(OSError):  # a folder that may not be read; the file is in its place by now
        folder = os.open(real.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _as_it_was(new: int, old: Path, was: os.stat_result, named: Path) -> None:
    """Give the new file, which is open, the old one's owner, attributes and mode. By its number:
    in a folder of somebody else's its name may be another file's by now.
    """
    now = os.fstat(new)
    if (now.st_uid, now.st_gid) != (was.st_uid, was.st_gid):
        try:
            os.fchown(new, was.st_uid, was.st_gid)
        except PermissionError:
            raise MachineFault(
                f"{named} belongs to somebody else, and would not any more", hint=_BY_HAND
            ) from None
    with suppress(OSError):  # a file system without any
        for name in os.listxattr(old):  # access lists
            with suppress(OSError):
                os.setxattr(new, name, os.getxattr(old, name))
    os.fchmod(new, stat.S_IMODE(was.st_mode))
