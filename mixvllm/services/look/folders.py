"""The folders that a run writes to, and whether it can."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from mixvllm.core.errors import MachineFault
from mixvllm.rules.machine import Folder
from mixvllm.settings.engine import absolute
from mixvllm.settings.resolve import Resolved


def log_base(resolved: Resolved, environ: Mapping[str, str]) -> Path:
    """The folder of all runs: the profile's, or $XDG_STATE_HOME/mixvllm (XDG base directories).

    Raises:
        MachineFault: nobody says where the user's home is.
    """
    directory = resolved.value("logging", "directory")
    if isinstance(directory, str):
        return absolute(directory, resolved.origin(("logging", "directory")))
    state = environ.get("XDG_STATE_HOME", "")
    try:
        home = Path(state) if state.startswith("/") else Path("~/.local/state").expanduser()
    except RuntimeError:
        raise MachineFault(
            "this user has no home, where the logs would be", hint="set logging.directory, or HOME"
        ) from None
    return home / "mixvllm"


def look_at_logs(resolved: Resolved, environ: Mapping[str, str]) -> Folder:
    """The folder of all runs, as it is."""
    try:
        return look_at_folder(log_base(resolved, environ))
    except MachineFault:
        where = Path("~/.local/state/mixvllm")
        return Folder(where, "cannot be found: this user has no home", exists=False)


def sockets_base(environ: Mapping[str, str]) -> Path:
    """Where vLLM's processes meet: VLLM_RPC_BASE_PATH, else Python's folder for temporary files
    (vllm/envs.py, 0.32.0). A TMPDIR that cannot be used is passed over by Python.
    """
    if environ.get("VLLM_RPC_BASE_PATH"):
        return Path(environ["VLLM_RPC_BASE_PATH"])
    for name in ("TMPDIR", "TEMP", "TMP"):
        folder = environ.get(name)
        if folder and not look_at_folder(Path(folder), must_exist=True).trouble:
            return Path(folder).absolute()
    return Path("/tmp")  # noqa: S108 - Python's own choice


def look_at_folder(path: Path, *, must_exist: bool = False) -> Folder:
    """Whether files can be written there; a folder that is not there is made where it can be."""
    here = path
    while True:
        try:
            is_folder = stat.S_ISDIR(here.stat().st_mode)
            break
        except FileNotFoundError:
            if must_exist or here == here.parent:
                return Folder(path, "is not there", exists=False)
            here = here.parent
        except PermissionError:
            return Folder(path, f"cannot be reached: {here.parent} is closed to this user")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "no path"
            return Folder(path, f"cannot be used: {why}")
    exists = here == path
    if not is_folder:
        name = "" if exists else f"cannot be made: {here} "
        return Folder(path, f"{name}is not a folder", exists=exists)
    room = os.statvfs(here)
    free = room.f_bavail * room.f_frsize if room.f_blocks else None  # none: not counted
    if room.f_flag & os.ST_RDONLY:
        return Folder(path, "is on a file system that is mounted read-only", free, exists)
    if not os.access(here, os.W_OK | os.X_OK):
        name = "" if exists else f"cannot be made: {here} "
        return Folder(path, f"{name}is closed to this user", free, exists)
    return Folder(path, "", free, exists)
