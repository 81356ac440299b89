"""A profile's file: its bytes, and what else may have been meant where there is none."""

import difflib
import os
import stat
from pathlib import Path

from mixvllm.core.errors import MachineFault
from mixvllm.settings.yaml import MAX_BYTES


def read_bytes(path: Path) -> bytes:
    """A profile's bytes. Raises MachineFault when there is no readable regular file."""
    try:
        if path.is_dir():
            raise MachineFault(
                f"{path} is a folder, not a profile",
                hint=f"name a file in it, e.g. {path}/NAME.yaml",
            )
        if path.exists() and not path.is_file():
            raise _not_regular(path)
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # it has changed since
                raise _not_regular(path)
            raw: bytes | None = file.read(MAX_BYTES + 1)
            if raw is None:  # one of the kernel's, e.g. /proc/kmsg, has nothing to say yet
                raise _not_regular(path)
            return raw
    except FileNotFoundError:
        raise MachineFault(f"there is no file {path}", hint=_near_files(path)) from None
    except OSError as error:
        raise MachineFault(
            f"{path} cannot be read: {error.strerror}", hint="check its permissions"
        ) from None
    except ValueError:  # a NUL in the name
        raise MachineFault(f"{str(path)!r} is not a file name", hint="check the path") from None


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe would wait for its writer


def _not_regular(path: Path) -> MachineFault:
    return MachineFault(f"{path} is not a regular file", hint="a profile is a YAML file")


def _near_files(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder} either"
    names = sorted(p.name for p in folder.glob("*.y*ml") if p.is_file())[:5]
    return f"in {folder}: {', '.join(names)}" if names else "check the path"


def near_file(path: Path, text: str) -> str | None:
    """``text``, which names ``path``, with the name of a file that is there."""
    try:
        names = [item.name for item in path.parent.iterdir()]
    except (OSError, ValueError):
        return None
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.75)
    return text.removesuffix(path.name) + near[0] if near and near[0] != path.name else None
