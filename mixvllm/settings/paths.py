"""Paths as a profile writes them."""

from pathlib import Path


def is_local_path(model: str) -> bool:
    """Whether a model's name means a folder: it starts as paths do."""
    return model.startswith(("/", "./", "../", "~")) or model in (".", "..")


def local_path(text: str, base: Path) -> Path:
    """A path of the profile: ``~`` is expanded, a relative one starts at the profile's folder.

    ``~NAME`` of a user who is not known stays as it is written, as in a shell.
    """
    path = Path(text)
    try:
        return Path(base, path.expanduser())
    except RuntimeError:
        return Path(base, path)
