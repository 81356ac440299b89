"""Values as they may be shown: what is a secret by its key or its form becomes stars."""

import json
from collections.abc import Mapping
from typing import Final

from mixvllm.core.origin import KeyPath
from mixvllm.settings.layers import Value
from mixvllm.settings.secrets import hides, hides_path, is_reference, looks_like_secret, redact
from mixvllm.settings.typed import json_value

MASK: Final = "***"
_SHORTEST: Final = 4  # a shorter word is part of others


def veiled(path: KeyPath, value: Value, words: frozenset[str] = frozenset()) -> Value:
    """The value at a key without its secrets; ``words`` are secrets that are known."""
    if hides_path(path):
        return value if value is None or is_reference(str(value)) else MASK
    return _veiled(value, frozenset(word for word in words if len(word) >= _SHORTEST))


def _veiled(value: Value, words: frozenset[str]) -> Value:
    match value:
        case Mapping():
            return {
                name: MASK if hides(str(name)) and inner is not None else _veiled(inner, words)
                for name, inner in value.items()
            }
        case list():
            before = ["", *map(str, value)]  # what follows `--api-key` is the key
            return [
                MASK if flag.startswith("-") and hides(flag) else _veiled(item, words)
                for flag, item in zip(before, value, strict=False)
            ]
        case str():
            return _text(value, words)
        case _:
            return value


def _text(text: str, words: frozenset[str]) -> str:
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.dumps(_veiled(json_value(text), words), ensure_ascii=False)
        except ValueError:
            pass
    if looks_like_secret(text):
        return MASK
    for word in words:
        text = text.replace(word, MASK)
    return redact(text)
