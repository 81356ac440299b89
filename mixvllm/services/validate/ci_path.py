"""A profile's path as a CI service knows it: from the folder that the command runs in."""

import os.path
from pathlib import Path


def ci_path(path: Path) -> str:
    """Relative where it is below the working folder, absolute elsewhere; no ``.``, no ``..``."""
    plain = Path(os.path.normpath(path))
    try:
        return str(plain.relative_to(Path.cwd()) if plain.is_absolute() else plain)
    except (ValueError, FileNotFoundError):  # elsewhere, or the working folder is gone
        return str(plain)
