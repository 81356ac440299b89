"""Where Hugging Face's library keeps what it fetched: which folder a repository's files are in.

As huggingface_hub 1.x does it (``constants.py``, ``file_download.py``): a folder
``models--ORG--NAME`` for each repository, in it ``refs/REVISION`` with a commit's hash and
``snapshots/HASH`` with links to the files. Nothing is fetched and nothing is written.
"""

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Final

_TRUE: Final = {"1", "ON", "YES", "TRUE"}
_LONGEST_NAME: Final = 200  # bytes of a ref's content that are read; a hash has 40


def is_offline(environ: Mapping[str, str]) -> bool:
    """Whether the library is told not to use the network."""
    told = environ.get("HF_HUB_OFFLINE") or environ.get("TRANSFORMERS_OFFLINE") or ""
    return told.upper() in _TRUE


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """The folder of all repositories; None when the environment does not say where home is."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if name in environ:
            return _expanded(environ[name], environ)
    if "HF_HOME" in environ:
        home = _expanded(environ["HF_HOME"], environ)
    else:
        cache = _expanded(environ.get("XDG_CACHE_HOME", "~/.cache"), environ)
        home = None if cache is None else cache / "huggingface"
    return None if home is None else home / "hub"


def _expanded(text: str, environ: Mapping[str, str]) -> Path | None:
    filled = Template(text).safe_substitute(environ)
    if filled == "~" or filled.startswith("~/"):
        return Path(environ["HOME"] + filled[1:]) if environ.get("HOME") else None
    return Path(filled)


def snapshot(cache: Path, repository: str, revision: str | None) -> Path | None:
    """The folder with a repository's files at a revision; None when it was never fetched.

    Args:
        cache: the folder of all repositories.
        repository: ``org/name``.
        revision: a branch, tag or commit; None is ``main``.
    """
    wanted = revision or "main"
    if ".." in wanted.split("/") or wanted.startswith("/") or "\0" in wanted + repository:
        return None
    folder = cache / f"models--{repository.replace('/', '--')}"
    try:
        ref = folder / "refs" / wanted
        if ref.is_file():
            with ref.open(encoding="ascii", errors="replace") as file:
                wanted = file.read(_LONGEST_NAME).strip()
        found = folder / "snapshots" / wanted
        return found if wanted and "/" not in wanted and found.is_dir() else None
    except OSError:
        return None
