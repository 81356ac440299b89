"""Whole numbers among settings."""

from mixvllm.settings.engine import EngineSetting


def whole(setting: EngineSetting | None) -> int | None:
    """The integer that a setting holds; None for all else: `auto`, `32k`, `true`, nothing."""
    value = None if setting is None else setting.value
    return value if isinstance(value, int) and not isinstance(value, bool) else None
