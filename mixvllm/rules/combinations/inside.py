"""A JSON option key by key, each key as a setting of its own.

Written as YAML, every key has its place; written as a string of JSON, all have the string's.
"""

from collections.abc import Mapping

from mixvllm.rules.base import Facts
from mixvllm.settings.engine import EngineSetting
from mixvllm.settings.typed import json_object


def inside(facts: Facts, option: str) -> Mapping[str, EngineSetting]:
    """The keys of a JSON option that the profile sets; empty where it sets none of them."""
    setting = facts.setting(option)
    return {} if setting is None else keys_of(facts, setting)


def keys_of(facts: Facts, setting: EngineSetting) -> Mapping[str, EngineSetting]:
    """The keys below a setting, in snake case, without those that are null.

    >>> keys_of(facts, facts.setting("speculative-config"))["method"].name
    'speculative-config.method'
    """
    value = setting.value
    values = value if isinstance(value, Mapping) else json_object(value)
    if values is None:
        return {}
    return {
        key.replace("-", "_"): EngineSetting(
            key=(*setting.key, key),
            name=f"{setting.name}.{key}",
            option=None,
            value=inner,
            place=facts.resolved.places.get((*setting.key, key), setting.place),
            named=setting.named,
        )
        for key, inner in values.items()
        if isinstance(key, str) and inner is not None
    }
