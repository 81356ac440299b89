"""Use case: what a key is, who set it, and what was overridden."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.core.errors import MixvllmError
from mixvllm.core.origin import Default, FileSpan, KeyPath, Origin
from mixvllm.render.command import VllmCommand
from mixvllm.services.check import Checked
from mixvllm.services.explain.subject import Subject, subject_of
from mixvllm.services.render import command_of
from mixvllm.settings.engine import of_kind
from mixvllm.settings.fields import FREE_FORM, SettingField, below, field_at
from mixvllm.settings.interpolate import Untyped
from mixvllm.settings.layers import Lost, Value, get
from mixvllm.settings.secrets import hides_path
from mixvllm.settings.unavailable import Unavailable
from mixvllm.settings.veil import MASK, veiled
from mixvllm.vllm.option import UNSET, Option

_MIXVLLM: Final = Default("mixvllm")


@dataclass(frozen=True, slots=True)
class Setter:
    """Somebody who set a value: through which key, and where. Secrets are not in ``value``."""

    key: KeyPath
    value: Value
    origin: Origin
    is_known: bool = True  # False: it could not be had, and a finding says why


@dataclass(frozen=True, slots=True)
class Explained:
    """A key with its story: ``setters`` has the strongest first. ``default`` is in force when
    there are none; None: it is not known. ``parts`` are keys below it that somebody else set.
    """

    subject: Subject
    field: SettingField | None
    release: str  # the one that the profile is looked at for
    setters: tuple[Setter, ...]
    default: Setter | None
    parts: tuple[Setter, ...]
    findings: tuple[Diagnostic, ...]

    @property
    def key(self) -> KeyPath:
        """The key that counts: the one that set the value, else the usual one."""
        set_by = next((setter.key for setter in self.setters[:1]), ())
        return set_by if set_by in self.subject.keys else self.subject.key

    @property
    def is_secret(self) -> bool:
        """Whether its values are not shown."""
        return hides_path(self.subject.key)


@dataclass(frozen=True, slots=True)
class Answer:
    """One key, or all keys of a section."""

    keys: tuple[Explained, ...]
    section: KeyPath | None = None


def included_at(origin: Origin) -> Iterable[FileSpan]:
    """The `extends` entries that brought a file in, the nearest first."""
    span = origin.included_by if isinstance(origin, FileSpan) else None
    while span is not None:
        yield span
        span = span.included_by


class Explainer:
    """Answers for one checked profile, as often as asked."""

    def __init__(self, checked: Checked) -> None:
        self._checked = checked
        self._resolved = checked.resolved

    def explain(self, word: str) -> Answer:
        """What a word means here.

        Raises:
            UsageFault: the word means nothing, or several things.
        """
        subject = subject_of(word, self._checked.facts.options)
        if not subject.is_section:
            return Answer((self._explained(subject),))
        return Answer(tuple(map(self._explained, self._in_section(subject.key))), subject.key)

    def _in_section(self, path: KeyPath) -> Iterator[Subject]:
        if path in FREE_FORM:
            free = self._resolved.value(*map(str, path))
            for name in free if isinstance(free, Mapping) else ():
                known = self._subject(f"{'.'.join(map(str, path))}.{name}")
                yield known or Subject(((*path, name),))
            return
        for field in below(path):
            yield self._subject(".".join(map(str, field.path))) or Subject((field.path,))

    def _subject(self, word: str) -> Subject | None:
        try:
            found = subject_of(word, self._checked.facts.options)
        except MixvllmError:  # a name that no release has; its finding says so
            return None
        return Subject((found.key,)) if found.is_section else found

    def _explained(self, subject: Subject) -> Explained:
        setters = (*self._setters(subject), *self._defaults(subject))
        return Explained(
            subject,
            field_at(subject.key),
            self._checked.release,
            tuple(s for s in setters if not isinstance(s.origin, Default)),
            next((s for s in setters if isinstance(s.origin, Default)), None),
            tuple(map(self._setter, self._parts(subject))),
            tuple(
                found
                for found in self._checked.diagnostics
                if any(found.key[: len(key)] == key for key in subject.keys)
            ),
        )

    def _setters(self, subject: Subject) -> tuple[Setter, ...]:
        """Who set it, the strongest first; what is worked out from other keys, if nobody did."""
        held = [self._held(key) for key in subject.keys if key in self._resolved.places]
        for part in () if held else self._parts(subject):  # only keys below it were set
            held = [replace(part, key=subject.key, value=get(self._resolved.values, subject.key))]
        setters = tuple(
            self._setter(loser, None if subject.is_json else subject.option)
            for loser in (*held, *self._resolved.lost(*subject.keys))
        )
        return setters if held else (*self._worked_out(subject), *setters)

    def _parts(self, subject: Subject) -> Iterator[Lost]:
        """Leaves below a key that stand in another place than the key itself."""
        for path, place in self._resolved.places.items():
            for key in subject.keys:
                top = self._resolved.places.get(key)
                if (
                    path[: len(key)] == key != path
                    and all(isinstance(part, str) for part in path)
                    and (top is None or _file(top.value) != _file(place.value))
                    and not isinstance(get(self._resolved.values, path), Mapping)
                ):
                    yield self._held(path)

    def _held(self, key: KeyPath) -> Lost:
        return Lost(key, get(self._resolved.values, key), self._resolved.places[key])

    def _setter(self, held: Lost, option: Option | None = None) -> Setter:
        if held.value is Unavailable:
            return Setter(held.key, None, held.place.value, is_known=False)
        held = replace(held, value=of_kind(held.value, option))
        return Setter(
            held.key, veiled(held.key, held.value, self._resolved.words), held.place.value
        )

    def _worked_out(self, subject: Subject) -> Iterator[Setter]:
        """What `render-cmd` puts on the command line or into the environment by itself."""
        command, option = self._command, subject.option
        if command is None:
            return
        if subject.key[:2] == ("vllm", "env"):
            name = str(subject.key[2])
            source = command.env_sources.get(name)
            if source is not None:
                value = MASK if name in command.secrets else command.env[name]
                yield Setter(source.key, value, source.origin)
            return
        for piece in () if option is None or subject.is_json else command.pieces:
            flag, equals, text = piece.words[0].partition("=")
            if (
                equals
                and option is not None
                and flag in option.flags
                and piece.source.key not in subject.keys
            ):
                held = veiled(subject.key, of_kind(Untyped(text), option))
                yield Setter(piece.source.key, held, piece.source.origin)

    @cached_property
    def _command(self) -> VllmCommand | None:
        try:
            return command_of(self._checked)
        except MixvllmError:  # the findings say what is wrong
            return None

    def _defaults(self, subject: Subject) -> Iterator[Setter]:
        """The default in force when nobody sets it, as far as it is known."""
        field = field_at(subject.key)
        if field is not None and field.default is not None and not field.required:
            yield Setter(subject.key, [] if field.default == () else field.default, _MIXVLLM)
            return
        known = None if subject.is_json else subject.option
        default = known.default if known is not None else UNSET
        if subject.variable is not None:
            default = subject.variable.default
        if default is not UNSET:
            yield Setter(
                subject.key, veiled(subject.key, default), Default(f"vLLM {subject.release}")
            )


def _file(origin: Origin) -> object:
    """What tells places apart that belong together: a file, or the variable or option itself."""
    return origin.path if isinstance(origin, FileSpan) else origin
