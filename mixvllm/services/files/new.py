"""A file that was not there before, written whole or not at all."""

import errno
import os
import tempfile
from pathlib import Path
from typing import Final

from mixvllm.core.errors import MachineFault

# What file systems without links say.
_NO_LINKS: Final = {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EMLINK}


def write_new(path: Path, text: str, *, force: bool) -> None:
    """Write a file; a reader sees all of it or none. A pipe or a device is written to as it is.

    Args:
        path: where; its folder must be there.
        text: what.
        force: put it in the place of a file that is there already.

    Raises:
        MachineFault: a file is there, or none can be written.
    """
    try:
        if force and path.exists() and not path.is_file():  # /dev/null would be a file from now on
            path.write_text(text, encoding="utf-8")
            return
        with tempfile.NamedTemporaryFile(
            mode="w", encoding="utf-8", dir=path.parent, prefix=".mixvllm-", delete=False
        ) as file:
            new = Path(file.name)
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                new.chmod(0o666 & ~_umask())
                _put(new, path, force=force)
            finally:
                new.unlink(missing_ok=True)
    except FileExistsError:
        raise MachineFault(
            f"{path} is there already", hint="--force writes over it, or name another --output"
        ) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no name of a file"
        raise MachineFault(f"{path} cannot be written: {why}", hint="name another file") from None


def _put(new: Path, path: Path, *, force: bool) -> None:
    """A link is made only where nothing is: two that write at once do not lose a file."""
    if not force:
        try:
            os.link(new, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if path.exists() or path.is_symlink():
                raise FileExistsError from None
        else:
            return
    new.replace(path.resolve())


def _umask() -> int:
    """The mask cannot be read without being set."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
