"""A Python environment on disk, read without starting its Python."""

import os
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from mixvllm.core.regular_file import read_beginning, read_regular

_VERSION = re.compile(r"""^__version__\s*=\s*["']([^"']+)["']""", re.MULTILINE)

_LARGEST_RECORD: Final = 16 * 2**20  # bytes; vLLM 0.32.0's has 0.4 MB
_LARGEST_MODULE: Final = 64 * 2**10  # a module that says its version
_LONGEST_START: Final = 2048  # bytes of a script that name its python


@dataclass(frozen=True, slots=True)
class Prefix:
    """An environment: the python that runs in it, and the folders its ``lib`` may lie in.

    More than one folder where a distribution splits it: Debian's python in ``/usr`` finds what
    pip installed in ``/usr/local``, and ``pip install --user`` writes to ``~/.local``.
    """

    python: Path
    roots: tuple[Path, ...]

    @classmethod
    def of_python(cls, python: Path) -> Self:
        """The environment of ``bin/python3``; links stay, since a venv's python is a link out."""
        return cls(python, _with_local(python.parent.parent))

    @classmethod
    def of_script(cls, script: Path) -> Self:
        """The environment of an installed script: of its ``#!`` line, else of its folder."""
        home = script.resolve().parent
        python = python_of(script) or _python_in(home)
        return cls(python, (home.parent, *_with_local(python.parent.parent)))

    @classmethod
    def at(cls, root: Path) -> Self:
        """The environment whose ``sys.prefix`` is ``root``."""
        return cls(_python_in(root / "bin"), _with_local(root))

    def script(self, name: str) -> Path | None:
        """An executable file of this environment's ``bin`` folders."""
        for root in self.roots:
            candidate = root / "bin" / name
            if _holds(candidate.is_file) and os.access(candidate, os.X_OK):
                return candidate
        return None

    def has(self, distribution: str) -> bool:
        """True when the metadata of ``distribution`` lies in this environment."""
        return bool(self._versions(distribution))

    def version(self, distribution: str) -> str | None:
        """What the ``dist-info`` folder says; None without one, or with two that disagree."""
        versions = self._versions(distribution)
        return versions.pop() if len(versions) == 1 else None

    def record(self, distribution: str) -> bytes:
        """The installer's list of files with their hashes: the same for the same wheel.

        Empty where the installer kept none.
        """
        start = distribution.replace("-", "_") + "-"
        for site in self._sites():
            for path in site.glob(f"{start}[0-9]*.dist-info/RECORD"):
                with suppress(OSError):
                    return read_regular(path, at_most=_LARGEST_RECORD)
        return b""

    def build(self, package: str) -> str | None:
        """``__version__`` in ``package/version.py``, e.g. ``2.11.0+cu130``; None without it.

        The builds of the torch family name their target there even where their metadata, and so
        ``pip list``, does not (torchaudio 2.11.0, torchvision 0.29.2, torchcodec 0.17.0).
        """
        for site in self._sites():
            try:
                raw = read_regular(site / package / "version.py", at_most=_LARGEST_MODULE)
            except OSError:
                continue
            found = _VERSION.search(raw.decode("utf-8", errors="replace"))
            return found[1] if found else None
        return None

    def _versions(self, distribution: str) -> set[str]:
        start = distribution.replace("-", "_") + "-"
        return {
            entry.name.removeprefix(start).removesuffix(".dist-info")
            for site in self._sites()
            for entry in site.glob(f"{start}[0-9]*.dist-info")
        }

    def _sites(self) -> Iterator[Path]:
        """The ``site-packages`` folders that this python reads, as far as the names tell."""
        # `/usr` may hold several minor versions. Where the last link says which one runs, its
        # neighbours do not count; `lib/python3/dist-packages` is Debian's, and is for all.
        real = Path(os.path.realpath(self.python)).name  # a link in a circle is no error here
        minor = real if re.fullmatch(r"python3\.\d+", real) else "python3*"
        for root in self.roots:
            for lib in ("lib", "lib64"):
                for version in dict.fromkeys((minor, "python3")):
                    yield from root.glob(f"{lib}/{version}/site-packages")
                    yield from root.glob(f"{lib}/{version}/dist-packages")


def python_of(script: Path) -> Path | None:
    """The Python that the kernel would start for ``script``; None when the file names none.

    ``#!/usr/bin/env python3`` names none: it depends on the PATH of the day.
    """
    try:
        start = read_beginning(script, at_most=_LONGEST_START).decode("utf-8", errors="replace")
    except OSError:
        return None
    lines = start.splitlines()[:2]
    if not lines or not lines[0].startswith("#!"):
        return None
    words = lines[0][2:].split()
    # pip and uv write this where the path is too long for `#!`, or has a space in it.
    if words and words[0] == "/bin/sh" and len(lines) > 1 and lines[1].startswith("'''exec'"):
        try:
            words = shlex.split(lines[1])[1:]
        except ValueError:  # a quote that is never closed
            return None
    if not words or not words[0].startswith("/") or not is_python(words[0]):
        return None
    return Path(words[0])


def is_python(word: str) -> bool:
    """True for ``python``, ``python3``, ``/venv/bin/python3.12``: by name, not by trying."""
    return re.fullmatch(r"python[\d.]*", word.rpartition("/")[2]) is not None


def _python_in(folder: Path) -> Path:
    python3 = folder / "python3"
    return python3 if _holds(python3.exists) else folder / "python"


def _with_local(root: Path) -> tuple[Path, ...]:
    local = root / "local"
    return (local, root) if _holds(local.is_dir) else (root,)


def _holds(question: Callable[[], bool]) -> bool:
    """The answer of the disk; no, where a folder on the way may not be entered."""
    try:
        return question()
    except OSError:
        return False
