"""The settings: sources in, typed profile and origins out.

pydantic-settings merges the sources (command line > environment > profile > defaults) and
checks types and ranges; beside it the same merge is made of the origins, so that every leaf
knows who set it and what it overrode. A property test holds the two merges together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.core.origin import Default, FileSpan, KeyPath, Origin
from mixvllm.settings.faults import diagnostics_of
from mixvllm.settings.fields import all_fields, section_of
from mixvllm.settings.hidden import shown_text, without_secrets
from mixvllm.settings.layers import Layer, Place, Value, get, merge, merge_places
from mixvllm.settings.profile import ProfileLayer, Unavailable
from mixvllm.settings.schema import Profile
from mixvllm.settings.spellings import give_way, open_texts
from mixvllm.settings.tree import lines_of


class _LayerSource(PydanticBaseSettingsSource):
    """One of our layers as a source of pydantic-settings."""

    def __init__(self, settings_cls: type[BaseSettings], values: Mapping[str, Value]) -> None:
        super().__init__(settings_cls)
        self._values = values

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return dict(self._values)


class ProfileSettings(Profile, BaseSettings):
    """A profile built from layers; pass them as ``layers``, the strongest first."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, defer_build=False
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Our layers and nothing else: no dotenv file, no secrets folder."""
        layers: Sequence[Mapping[str, Value]] = getattr(init_settings, "init_kwargs", {})["layers"]
        return tuple(_LayerSource(settings_cls, values) for values in layers)


@dataclass(frozen=True)
class Resolved:
    """Settings with their origins.

    ``profile`` is None when something in it could not be understood; ``values`` and ``places``
    are there all the same, so that every other check can speak too.
    """

    path: Path
    values: Mapping[str, Value]
    places: Mapping[KeyPath, Place]
    overridden: Mapping[KeyPath, tuple[Place, ...]]
    texts: Mapping[Path, str]
    profile: Profile | None
    diagnostics: tuple[Diagnostic, ...]
    hidden: tuple[FileSpan, ...] = ()  # where secrets stand in the files
    words: frozenset[str] = field(default=frozenset(), repr=False)  # those secrets

    @cached_property
    def texts_shown(self) -> Mapping[Path, str]:
        """``texts`` as they may be shown: every line as long as before, secrets as stars."""
        return {
            path: shown_text(text, [span for span in self.hidden if span.path == path])
            for path, text in self.texts.items()
        }

    def without_secrets(self, found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Findings that do not repeat what stands in the profile under a secret's key."""
        return without_secrets(found, self.hidden, self.words)

    def value(self, *path: str) -> Value:
        """The merged value at a path; None when nobody set it or it could not be had."""
        found = get(self.values, path)
        return None if found is Unavailable else found

    def place(self, *path: str | int) -> Place | None:
        """Where a key was set, if it was."""
        return self.places.get(path)

    def is_quoted(self, span: FileSpan) -> bool:
        """Whether the value at this place stands in quotes."""
        return self._text_at(span)[:1] in ("'", '"')

    def _text_at(self, span: FileSpan) -> str:
        lines = lines_of(self.texts.get(span.path, ""))
        return lines[span.line - 1][span.column - 1 :] if span.line <= len(lines) else ""

    def origin(self, path: KeyPath) -> Origin:
        """Who set a leaf; the default when nobody did."""
        place = self.places.get(path)
        return place.value if place else Default("mixvllm")


def _without_unavailable(value: Value) -> Value:
    if isinstance(value, dict):
        return {
            key: _without_unavailable(inner)
            for key, inner in value.items()
            if inner is not Unavailable
        }
    if isinstance(value, list):
        return [_without_unavailable(item) for item in value if item is not Unavailable]
    return value


def resolve(profile: ProfileLayer, environment: Layer, command_line: Layer) -> Resolved:
    """Merge the layers, command line first, and check the result."""
    lost = {path: list(losers) for path, losers in profile.overridden.items()}
    open_texts((profile, environment, command_line))
    for low, high in ((profile, environment), (profile, command_line), (environment, command_line)):
        for path, losers in give_way(low, high).items():
            lost.setdefault(path, []).extend(losers)
    values: dict[str, Value] = dict(profile.values)
    places: dict[KeyPath, Place] = dict(profile.places)
    for layer in (environment, command_line):
        places, replaced = merge_places(places, layer)
        values = merge(values, layer.values)
        for path, place in replaced.items():
            lost.setdefault(path, []).append(place)
    found = [*profile.diagnostics, *environment.diagnostics, *command_line.diagnostics]
    layers = [_without_unavailable(layer.values) for layer in (command_line, environment, profile)]
    typed_profile: Profile | None = None
    if profile.readable:
        try:
            typed_profile = ProfileSettings(layers=layers)  # type: ignore[call-arg]
        except ValidationError as error:
            found.extend(diagnostics_of(error, values, places, found, profile.path))
    hidden = tuple(profile.hidden)
    return Resolved(
        path=profile.path,
        values=values,
        places=places,
        overridden={path: tuple(reversed(losers)) for path, losers in lost.items()},
        texts=profile.texts,
        profile=typed_profile,
        diagnostics=without_secrets(found, hidden, frozenset(profile.words)),
        hidden=hidden,
        words=frozenset(profile.words),
    )


def leaves(profile: Profile) -> dict[KeyPath, Value]:
    """Every leaf of a typed profile: the mapping that `explain` and the property tests walk."""
    result: dict[KeyPath, Value] = {}
    for leaf in all_fields():
        here: Any = profile
        for part in leaf.path:
            here = getattr(here, str(part))
        if section_of(type(here)) is None:
            result[leaf.path] = here
    return result
