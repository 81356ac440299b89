"""A release of vLLM that mixvllm has no table for, where it is installed: it is asked itself, once.

What it says is kept under $XDG_CACHE_HOME/mixvllm, by the version, the hash of the installed
wheel's list of files and that of our own script: another build is another file. Two commands at
once ask once: the second waits for the first. Where nothing can be written, nothing is kept, and
that is said.
"""

import fcntl
import hashlib
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final, Protocol, cast

from mixvllm.core.errors import MachineFault
from mixvllm.settings.paths import local_path
from mixvllm.vllm.installation import Installation
from mixvllm.vllm.learned import LearnedFacts, add_learned, decode, encode
from mixvllm.vllm.options import newest

_SCRIPTS: Final = ("dump.py", "pack.py", "classify.py", "declared.py", "annotation.py")


class Progress(Protocol):
    """How a person is told what takes its time."""

    def busy(self, what: str) -> AbstractContextManager[None]:
        """Shown while something takes its time."""
        ...

    def warn(self, text: str) -> None:
        """Said once."""
        ...


class _Silent:
    """Nobody is told."""

    def busy(self, what: str) -> AbstractContextManager[None]:
        return nullcontext()

    def warn(self, text: str) -> None:
        return


def learn(
    installation: Installation,
    environ: Mapping[str, str],
    progress: Progress | None = None,
    *,
    may_run: bool = True,
) -> None:
    """Make an installed release known to this process.

    Args:
        installation: what is installed.
        environ: says where facts are kept; its own parser is run in it.
        progress: hears of what takes its time.
        may_run: whether it may be asked; else it is known only if it was asked before.

    Raises:
        MachineFault: its own parser cannot be asked, or may not be.
    """
    release, prefix, told = installation.release, installation.prefix, progress or _Silent()
    if release is None or prefix is None or installation.distribution is None:
        return
    name = f"vllm-{release}-{_fingerprint(prefix.record(installation.distribution))}"
    folder = _folder(environ)
    if not may_run:
        add_learned(release, _known(folder / name, installation))
        return
    try:
        facts = _kept(folder / name, prefix.python, release, environ, told)
    except OSError as error:
        told.warn(f"the options of vLLM {release} cannot be kept in {folder}: {error.strerror}")
        facts = _asked(prefix.python, release, environ, told)
    add_learned(release, facts)


def _folder(environ: Mapping[str, str]) -> Path:
    base = Path(environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():  # to be ignored then, says the standard
        base = local_path("~/.cache", Path("/"))
    return base / "mixvllm"


def _known(path: Path, installation: Installation) -> LearnedFacts:
    """The facts in the file. Raises MachineFault: they are not there."""
    try:
        found = _read(path)
    except OSError:
        found = None
    if found is None:
        command = shlex.quote(shlex.join(installation.command))
        raise MachineFault(
            f"no option table for vLLM {installation.release}, and a program that stands in a"
            " profile is not run to check it",
            hint=f"if you trust it, name it yourself, once: --set vllm.command={command};"
            f" or check against the newest release known here: --vllm {newest()}",
        )
    return found


def _fingerprint(record: bytes) -> str:
    """Of the wheel, and of what reads it here: another way of reading gives other facts."""
    folder = Path(__file__).parents[1] / "vllm"
    digest = hashlib.sha256(record)
    for script in _SCRIPTS:
        digest.update((folder / script).read_bytes())
    return digest.hexdigest()[:16]


def _kept(
    path: Path, python: Path, release: str, environ: Mapping[str, str], progress: Progress
) -> LearnedFacts:
    """The facts in the file; asked for, and kept there, if it is missing or torn.

    Raises:
        OSError: nothing can be kept there.
    """
    found = _read(path)
    if found is not None:
        return found
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path.with_name(f"{path.name}.lock"), progress, release):
        found = _read(path)
        if found is None:
            found = _asked(python, release, environ, progress)
            new = path.with_name(f"{path.name}.{os.getpid()}.new")
            try:
                new.write_bytes(encode(found))
                new.replace(path)
            finally:
                new.unlink(missing_ok=True)
    return found


def _read(path: Path) -> LearnedFacts | None:
    try:
        return decode(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


@contextmanager
def _alone(lock: Path, progress: Progress, release: str) -> Iterator[None]:
    """One process at a time; the lock goes with the process that holds it."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with progress.busy(f"waiting for another mixvllm that asks vLLM {release}"):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _asked(
    python: Path, release: str, environ: Mapping[str, str], progress: Progress
) -> LearnedFacts:
    from mixvllm.engine.dumping import DumpFailed, dump_options
    from mixvllm.vllm.pack import facts_of

    try:
        with progress.busy(f"asking vLLM {release} for its options, once: about 20 s"):
            return cast("LearnedFacts", facts_of(dump_options(python, environ)))
    except (DumpFailed, ValueError, KeyError, TypeError) as error:
        raise MachineFault(
            f"no option table for vLLM {release}, and it cannot be asked: {error}",
            hint=f"check against the newest one known here: --vllm {newest()},"
            f" or vllm.version: {newest()} in the profile",
        ) from None
