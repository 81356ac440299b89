"""A profile's path as a CI service knows it: from the folder that the command runs in."""

import os.path
from pathlib import Path


def from_here(path: Path) -> str:
    """The path relative to the working folder where it is below it, without ``.`` and ``..``."""
    plain = Path(os.path.normpath(path))
    try:
        return str(plain.relative_to(Path.cwd()) if plain.is_absolute() else plain)
    except (ValueError, FileNotFoundError):  # elsewhere, or the working folder is gone
        return str(plain)
