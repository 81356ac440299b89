"""The keys that a profile sets inside vLLM's JSON options, each with what vLLM knows of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mixvllm.core.origin import KeyPath
from mixvllm.rules.base import Facts
from mixvllm.settings.layers import Place, Value
from mixvllm.settings.typed import json_of_vllm
from mixvllm.vllm.option import ConfigKey


@dataclass(frozen=True, slots=True)
class JsonKey:
    """A key of a JSON option. Of JSON written as text, ``place`` is that of the whole text."""

    path: KeyPath
    name: str
    config: str  # the class of vLLM that has, or should have, this key
    known: ConfigKey | None  # None: it has none of that name
    value: Value
    place: Place
    in_text: str | None  # the JSON that it stands in, where that is a text
    folded: bool = False  # its choices are taken in any case, and with dashes


def json_keys(facts: Facts) -> Iterator[JsonKey]:
    """All of them, from the outside in. Below a key that vLLM does not know nothing is known."""
    for setting in facts.settings:
        if setting.option and setting.option.config:
            value = setting.value
            text = (value, setting.place) if isinstance(value, str) else None
            read = _read(value) if isinstance(value, str) else value
            yield from _below(facts, setting.option.config, read, setting.key, text)


def _below(
    facts: Facts, config: str, value: Value, at: KeyPath, text: tuple[str, Place] | None
) -> Iterator[JsonKey]:
    known = facts.options.config_keys(config)
    if known is None or not isinstance(value, Mapping):
        return
    for name, inner in value.items():
        path, key = (*at, name), known.get(name)
        yield JsonKey(
            path, str(name), config, key, inner, text[1] if text else facts.place(path),
            text[0] if text else None, _is_folded(facts, config, name),
        )  # fmt: skip
        if key is not None and key.config:
            yield from _below(facts, key.config, inner, path, text)


def _is_folded(facts: Facts, config: str, name: str) -> bool:
    """As the option of the same name is: vLLM does both in one validator (config/kernel.py)."""
    option = facts.options.find(str(name))
    return option is not None and option.folded and option.group == config


def _read(text: str) -> Value:
    """JSON in a string, as vLLM reads it; None where it is none (MX221)."""
    try:
        return json_of_vllm(text)
    except ValueError:
        return None
