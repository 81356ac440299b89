"""The settings: sources in, typed profile and origins out.

pydantic-settings merges the sources (command line > environment > profile > defaults) and
checks types and ranges; beside it the same merge is made of the origins, so that every leaf
knows who set it and what it overrode. A property test holds the two merges together.
pydantic-settings is imported only to build a profile, or to say what is wrong in one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.core.origin import Default, FileSpan, KeyPath, Origin
from mixvllm.core.units import parse_duration, parse_size
from mixvllm.settings.fields import all_fields, field_at
from mixvllm.settings.fits import fits
from mixvllm.settings.hidden import shown_text, without_secrets
from mixvllm.settings.layers import (
    Layer,
    Lost,
    Place,
    Value,
    get,
    merge,
    merge_places,
    strongest_first,
)
from mixvllm.settings.profile_layer import ProfileLayer
from mixvllm.settings.spellings import give_way, open_texts
from mixvllm.settings.tree import lines_of
from mixvllm.settings.unavailable import Unavailable

if TYPE_CHECKING:
    from mixvllm.settings.schema import Profile


@dataclass(frozen=True)
class Resolved:
    """Settings with their origins.

    It is not ``sound`` when something in it could not be understood; ``values`` and ``places``
    are there all the same, so that every other check can speak too.
    """

    path: Path
    values: Mapping[str, Value]
    places: Mapping[KeyPath, Place]
    overridden: Mapping[KeyPath, tuple[Lost, ...]]  # by the winner's key, the strongest first
    texts: Mapping[Path, str]
    sound: bool
    readable: bool  # False: a file is no YAML, and what it should say is not known
    layers: Sequence[Mapping[str, Value]] = field(repr=False)  # the strongest first
    diagnostics: tuple[Diagnostic, ...]
    hidden: tuple[FileSpan, ...] = ()  # where secrets stand in the files
    words: frozenset[str] = field(default=frozenset(), repr=False)  # those secrets
    unseen: tuple[tuple[FileSpan, str], ...] = field(default=(), repr=False)  # see Interpolated

    @cached_property
    def profile(self) -> "Profile | None":
        """The typed profile; None when it is not sound."""
        if not self.sound:
            return None
        from mixvllm.settings.build import build

        return build(self.layers)

    @cached_property
    def texts_shown(self) -> Mapping[Path, str]:
        """``texts`` as they may be shown: every line as long as before, secrets as stars."""
        return {
            path: shown_text(text, [span for span in self.hidden if span.path == path])
            for path, text in self.texts.items()
        }

    def without_secrets(self, found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Findings that do not repeat what stands in the profile under a secret's key."""
        return without_secrets(found, self.hidden, self.words, self.unseen)

    def value(self, *path: str) -> Value:
        """The merged value at a path; None when nobody set it or it could not be had."""
        found = get(self.values, path)
        return None if found is Unavailable else found

    def setting(self, *path: str) -> Value:
        """The value that a leaf has in the typed profile: with its default, and amounts as
        numbers (seconds, bytes). Raises KeyError where there is no such leaf.
        """
        leaf = field_at(path)
        if leaf is None:
            raise KeyError(path)
        if path not in self.places:
            return leaf.default
        value = self.value(*path)
        if isinstance(value, str) and leaf.amount is not None:
            return parse_duration(value) if leaf.amount == "duration" else parse_size(value)
        return value

    def place(self, *path: str | int) -> Place | None:
        """Where a key was set, if it was."""
        return self.places.get(path)

    def is_quoted(self, span: FileSpan) -> bool:
        """Whether the value at this place stands in quotes."""
        return self._text_at(span)[:1] in ("'", '"')

    def _text_at(self, span: FileSpan) -> str:
        lines = lines_of(self.texts.get(span.path, ""))
        return lines[span.line - 1][span.column - 1 :] if span.line <= len(lines) else ""

    def lost(self, *paths: KeyPath) -> tuple[Lost, ...]:
        """What lost against these keys, or against keys below them: the strongest first."""
        lost = [
            loser
            for winner, losers in self.overridden.items()
            if any(winner[: len(path)] == path for path in paths)
            and all(isinstance(part, str) for part in winner)  # a list is lost as a whole
            for loser in losers
        ]
        return strongest_first(lost)

    def origin(self, path: KeyPath) -> Origin:
        """Who set a leaf; the default when nobody did."""
        place = self.places.get(path)
        return place.value if place else Default("mixvllm")


def _available(values: Mapping[str, Value]) -> dict[str, Value]:
    return {key: _item(inner) for key, inner in values.items() if inner is not Unavailable}


def _item(value: Value) -> Value:
    if isinstance(value, dict):
        return _available(value)
    if isinstance(value, list):
        return [_item(item) for item in value if item is not Unavailable]
    return value


def resolve(profile: ProfileLayer, environment: Layer, command_line: Layer) -> Resolved:
    """Merge the layers, command line first, and check the result."""
    open_texts((profile, environment, command_line))
    for low, high in ((profile, environment), (profile, command_line), (environment, command_line)):
        give_way(low, high)
    lost = {path: list(losers) for path, losers in profile.overridden.items()}
    values: dict[str, Value] = dict(profile.values)
    places: dict[KeyPath, Place] = dict(profile.places)
    for layer in (environment, command_line):
        places, replaced = merge_places(places, values, layer)
        values = merge(values, layer.values)
        for loser in replaced:
            lost.setdefault(loser.key, []).append(loser)
        for path, losers in layer.overridden.items():
            lost.setdefault(path, []).extend(losers)
    found = [*profile.diagnostics, *environment.diagnostics, *command_line.diagnostics]
    layers = [_available(layer.values) for layer in (command_line, environment, profile)]
    sound = profile.readable and fits(values)
    if profile.readable and not sound:
        from pydantic import ValidationError

        from mixvllm.settings.build import build
        from mixvllm.settings.faults import diagnostics_of

        try:
            build(layers)
            sound = True
        except ValidationError as error:
            found.extend(diagnostics_of(error, values, places, found, profile.path))
    hidden, unseen = tuple(profile.hidden), tuple(profile.unseen)
    return Resolved(
        path=profile.path,
        values=values,
        places=places,
        overridden={path: strongest_first(reversed(losers)) for path, losers in lost.items()},
        texts=profile.texts,
        readable=profile.readable,
        sound=sound,
        layers=layers,
        diagnostics=without_secrets(found, hidden, frozenset(profile.words), unseen),
        hidden=hidden,
        words=frozenset(profile.words),
        unseen=unseen,
    )


def leaves(profile: "Profile") -> dict[KeyPath, Value]:
    """Every leaf of a typed profile: the mapping that `explain` and the property tests walk."""
    result: dict[KeyPath, Value] = {}
    for leaf in all_fields():
        here: Any = profile
        for part in leaf.path:
            here = getattr(here, str(part))
        result[leaf.path] = here
    return result
