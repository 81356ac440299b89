"""The checks that every command shares: a profile read, resolved, and put before the rules."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mixvllm.core.diagnostic import Diagnostic, Related, Severity, in_order
from mixvllm.core.errors import MachineFault, VllmMissing
from mixvllm.core.origin import FileSpan
from mixvllm.rules import ALL
from mixvllm.rules.base import Facts, FileFact, Rule
from mixvllm.rules.combinations import called_up
from mixvllm.rules.mx700_model_folder import FILES
from mixvllm.settings.engine import absolute, engine_settings
from mixvllm.settings.keyfile import EmptyKeyFile, UnusableKeyFile, read_key
from mixvllm.settings.profile import profile_from, read_profile
from mixvllm.settings.resolve import Resolved, resolve
from mixvllm.settings.schema import is_local_path
from mixvllm.settings.sources import Override, cli_layer, environment_layer
from mixvllm.settings.written import written
from mixvllm.vllm.installation import Installation, command_words, find_installation
from mixvllm.vllm.options import Options, UnknownRelease, newest, options_of


@dataclass(frozen=True, slots=True)
class Request:
    """What to check: a profile and all that may override it."""

    path: Path
    environ: Mapping[str, str]
    overrides: Sequence[Override] = ()
    release: str | None = None  # `--vllm`; None: the profile's, the installed one, the newest
    since: str | None = None  # `--since`: the release that the operator comes from
    host: Path | None = None  # `--host`: the inventory of another machine
    text: bytes | None = None  # the profile's bytes, where they do not come from ``path``


@dataclass(frozen=True, slots=True)
class Checked:
    """A profile with everything that was found."""

    resolved: Resolved
    release: str  # the one whose options were looked up
    facts: Facts
    diagnostics: tuple[Diagnostic, ...]
    installation: Installation | None
    missing: VllmMissing | None = field(default=None, repr=False)
    command: tuple[str, ...] | None = None  # `vllm.command` as words; None when it is not given

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
    resolved = resolve(
        read_profile(request.path, request.environ)
        if request.text is None
        else profile_from(request.text, request.path, request.environ),
        environment_layer(request.environ),
        cli_layer(request.overrides),
    )
    command = _command(resolved)
    installation, missing = _installation(command, request.environ)
    options = _options(request, resolved, installation)
    facts = Facts(
        resolved=resolved,
        options=options,
        settings=engine_settings(resolved, options),
        files=_look_at_files(resolved),
        since=request.since,
        machine=request.host is None,
        no_command=str(missing) if missing is not None and command is not None else "",
    )
    found = [d for rule in _rules(facts) for d in rule.check(facts)] if resolved.values else []
    told = _without_echoes([*resolved.diagnostics, *resolved.without_secrets(found)])
    return Checked(resolved, options.release, facts, told, installation, missing, command)


def _rules(facts: Facts) -> Iterator[Rule]:
    """The rules that may speak of this profile."""
    names = {s.option.name for s in facts.settings if s.option is not None}
    for rule in (*ALL, *called_up(names)):
        if rule.holds_for(facts.options.release):
            yield rule


def _without_echoes(found: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """One finding for one fault: what the structure's check refused at a key is not refused
    again as a vLLM option, and MX251 (no command line can say it) is the last word of all.
    MX115 knows better than MX110 what to write.
    """
    errors = [d for d in found if d.severity is Severity.ERROR]
    structure = {d.key for d in errors if d.code < "MX200"}
    others = {d.key for d in errors if d.code != "MX251"}
    numbers = {d.key for d in errors if d.code == "MX115"}
    return in_order(
        [
            _with_includer(d)
            for d in found
            if not (d.key and d.code.startswith("MX2") and d.key in structure)
            and not (d.code == "MX251" and d.key in others)
            and not (d.code == "MX110" and d.key in numbers)
        ]
    )


def _with_includer(found: Diagnostic) -> Diagnostic:
    """A finding in an extended file also names the line that brought the file in."""
    includer = found.origin.included_by if isinstance(found.origin, FileSpan) else None
    if includer is None or any(item.origin == includer for item in found.related):
        return found
    return replace(found, related=(*found.related, Related(includer, "included here")))


def _command(resolved: Resolved) -> tuple[str, ...] | None:
    """The words of ``vllm.command``; a program named by a path is looked for where the profile
    is, or where the option was typed. What cannot be split has its finding (MX118).
    """
    try:
        words = command_words(resolved.value("vllm", "command"))
    except ValueError:
        return None
    if words is None or not ("/" in words[0] or words[0].startswith("~")):
        return words
    return str(absolute(words[0], resolved.origin(("vllm", "command")))), *words[1:]


def _installation(
    command: tuple[str, ...] | None, environ: Mapping[str, str]
) -> tuple[Installation | None, VllmMissing | None]:
    try:
        return find_installation(command, environ=environ), None
    except VllmMissing as error:
        return None, error
    except ValueError:  # a NUL in the program's name (MX118)
        return None, VllmMissing("vllm.command names no program")


def _options(request: Request, resolved: Resolved, installation: Installation | None) -> Options:
    """The options of the release that was asked for, else the profile's, the installed, the
    newest. A release in the profile that is not known has its finding (MX116).
    """
    asked = request.release
    if asked is None:
        place = resolved.place("vllm", "version")
        release = resolved.value("vllm", "version")
        if place is not None and release is not None:
            text = release if isinstance(release, str) else written(resolved.texts, place.value)
            try:
                return options_of(text or str(release))
            except UnknownRelease:
                return options_of(newest())
        asked = installation.release if installation is not None else None
    if asked is None:
        return options_of(newest())
    try:
        return options_of(asked)
    except UnknownRelease as error:
        raise MachineFault(
            f"no option table for vLLM {asked}" if asked else "--vllm names no release",
            hint=f"the nearest release known here is {error.nearest}: --vllm {error.nearest}",
        ) from None


def _look_at_files(resolved: Resolved) -> dict[Path, FileFact]:
    """The files that the profile names, each looked at once."""
    paths: set[Path] = set()
    model = resolved.value("model", "name")
    if isinstance(model, str) and is_local_path(model):
        paths.add(absolute(model, resolved.origin(("model", "name"))))
    for setting in FILES:
        value = resolved.value(*map(str, setting))
        if isinstance(value, str):
            paths.add(absolute(value, resolved.origin(setting)))
    facts = {path: _fact(path) for path in paths}
    key = resolved.value("server", "api_key_file")
    if isinstance(key, str):
        path = absolute(key, resolved.origin(("server", "api_key_file")))
        facts[path] = _with_key(path, facts[path])
    return facts


def _with_key(path: Path, fact: FileFact) -> FileFact:
    try:
        read_key(path)
    except EmptyKeyFile:
        return replace(fact, key_is_empty=True)
    except UnusableKeyFile as why:
        return replace(fact, no_key=str(why))
    return fact


def _fact(path: Path) -> FileFact:
    try:
        folder = path.is_dir()
        names = frozenset(item.name for item in path.iterdir()) if folder else frozenset()
        return FileFact(path.exists(), folder, os.access(path, os.R_OK), names)
    except (OSError, ValueError):
        return FileFact(exists=False)
