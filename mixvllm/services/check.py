"""The checks that every command shares: a profile read, resolved, and put before the rules."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mixvllm.core.diagnostic import Diagnostic, Related, Severity, in_order
from mixvllm.core.errors import MachineFault, VllmMissing
from mixvllm.core.origin import FileSpan
from mixvllm.rules import ALL
from mixvllm.rules.base import Facts, FileFact
from mixvllm.settings.engine import absolute, engine_settings
from mixvllm.settings.profile import profile_from, read_bytes
from mixvllm.settings.resolve import Resolved, resolve
from mixvllm.settings.schema import is_local_path
from mixvllm.settings.sources import Override, cli_layer, environment_layer
from mixvllm.vllm.installation import Installation, find_installation
from mixvllm.vllm.options import UnknownRelease, newest, options_of


@dataclass(frozen=True, slots=True)
class Request:
    """What to check: a profile and all that may override it."""

    path: Path
    environ: Mapping[str, str]
    overrides: Sequence[Override] = ()
    release: str | None = None  # `--vllm`; None: the profile's, the installed one, the newest
    text: bytes | None = None  # the profile's bytes, where they do not come from ``path``


@dataclass(frozen=True, slots=True)
class Checked:
    """A profile with everything that was found."""

    resolved: Resolved
    release: str
    facts: Facts
    diagnostics: tuple[Diagnostic, ...]
    installation: Installation | None
    missing: VllmMissing | None = field(default=None, repr=False)

    @property
    def errors(self) -> int:
        """How many findings forbid a start."""
        return sum(d.severity is Severity.ERROR for d in self.diagnostics)

    @property
    def warnings(self) -> int:
        """How many findings are doubtful."""
        return sum(d.severity is Severity.WARNING for d in self.diagnostics)


def check(request: Request) -> Checked:
    """Run every check that needs neither vLLM nor a GPU.

    Raises:
        MachineFault: the profile cannot be read, or no option table fits the release.
    """
    raw = read_bytes(request.path) if request.text is None else request.text
    resolved = resolve(
        profile_from(raw, request.path, request.environ),
        environment_layer(request.environ),
        cli_layer(request.overrides),
    )
    installation, missing = _installation(resolved, request.environ)
    release = request.release or _release(resolved, installation)
    try:
        options = options_of(release)
    except UnknownRelease as error:
        raise MachineFault(
            f"no option table for vLLM {release}",
            hint=f"the nearest release known here is {error.nearest}: --vllm {error.nearest}",
        ) from None
    facts = Facts(
        resolved=resolved,
        options=options,
        settings=engine_settings(resolved, options),
        files=_look_at_files(resolved),
    )
    found = [d for rule in ALL for d in rule.check(facts)] if resolved.values else []
    return Checked(
        resolved, release, facts, _without_echoes([*resolved.diagnostics, *found]),
        installation, missing,
    )  # fmt: skip


def _without_echoes(found: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """One finding for one fault: what the structure's check refused at a key is not refused
    again as a vLLM option, and MX251 (no command line can say it) is the last word of all.
    """
    errors = [d for d in found if d.severity is Severity.ERROR]
    structure = {d.key for d in errors if d.code < "MX200"}
    others = {d.key for d in errors if d.code != "MX251"}
    return in_order(
        [
            _with_includer(d)
            for d in found
            if not (d.key and d.code.startswith("MX2") and d.key in structure)
            and not (d.code == "MX251" and d.key in others)
        ]
    )


def _with_includer(found: Diagnostic) -> Diagnostic:
    """A finding in an extended file also names the line that brought the file in."""
    includer = found.origin.included_by if isinstance(found.origin, FileSpan) else None
    if includer is None or any(item.origin == includer for item in found.related):
        return found
    return replace(found, related=(*found.related, Related(includer, "included here")))


def _installation(
    resolved: Resolved, environ: Mapping[str, str]
) -> tuple[Installation | None, VllmMissing | None]:
    command = resolved.value("vllm", "command")
    words = command_words(command)
    try:
        return find_installation(words, environ=environ), None
    except VllmMissing as error:
        return None, error


def command_words(command: object) -> list[str] | None:
    """``vllm.command`` as a list of words; a string is split as a shell would."""
    import shlex

    if isinstance(command, str):
        try:
            return shlex.split(command)
        except ValueError:
            return [command]
    if isinstance(command, list):
        return [str(word) for word in command]
    return None


def _release(resolved: Resolved, installation: Installation | None) -> str:
    written = resolved.value("vllm", "version")
    if isinstance(written, str | float | int):
        return str(written)
    if installation is not None and installation.release is not None:
        return installation.release
    return newest()


def _look_at_files(resolved: Resolved) -> dict[Path, FileFact]:
    """The files that the profile names, each looked at once."""
    paths: set[Path] = set()
    model = resolved.value("model", "name")
    if isinstance(model, str) and is_local_path(model):
        paths.add(absolute(model, resolved.origin(("model", "name"))))
    for name in ("api_key_file", "ssl_certfile", "ssl_keyfile", "ssl_ca_certs"):
        value = resolved.value("server", name)
        if isinstance(value, str):
            paths.add(absolute(value, resolved.origin(("server", name))))
    return {path: _fact(path) for path in paths}


def _fact(path: Path) -> FileFact:
    try:
        folder = path.is_dir()
        names = frozenset(item.name for item in path.iterdir()) if folder else frozenset()
        return FileFact(path.exists(), folder, os.access(path, os.R_OK), names)
    except (OSError, ValueError):
        return FileFact(exists=False)
