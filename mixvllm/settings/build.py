"""The typed profile, built from the layers by pydantic-settings.

Imported only where a profile is built or refused: see :mod:`mixvllm.settings.fits`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from mixvllm.settings.layers import Value
from mixvllm.settings.schema import Profile


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


def build(layers: Sequence[Mapping[str, Value]]) -> Profile:
    """The profile of these layers, the strongest first.

    Raises:
        ValidationError: pydantic's complaints; :mod:`mixvllm.settings.faults` reads them.
    """
    return ProfileSettings(layers=layers)  # type: ignore[call-arg]
