"""What a key of a profile takes, its values and its variable, in words."""

import json
from typing import get_args, get_origin

from mixvllm.core.origin import KeyPath
from mixvllm.settings.fields import SettingField, type_in_words
from mixvllm.settings.layers import Value
from mixvllm.settings.sources import PREFIX


def takes(field: SettingField) -> str:
    """``an integer, 1 to 65535``."""
    if field.amount is not None:
        return f"a {field.amount}"
    words, low, high = type_in_words(field.annotation), field.at_least, field.at_most
    if get_origin(field.annotation) is list and get_origin(get_args(field.annotation)[0]) is dict:
        words += " of mappings"
    if low is not None and high is not None:
        return f"{words}, {low:g} to {high:g}" if low < high else f"{words}, {low:g}"
    words += "" if low is None else f", at least {low:g}"
    words += "" if field.above is None else f", above {field.above:g}"
    return words if high is None else f"{words}, at most {high:g}"


def in_words(value: Value, field: SettingField | None = None) -> str:
    """A value as it could stand in a profile, on one line: ``10m``, ``50MiB``, ``null``."""
    if field is not None and field.amount is not None and type(value) in (int, float):
        number = float(str(value))
        if field.amount == "size":
            return f"{number / 2**20:g}MiB"
        return f"{number / 60:g}m" if number >= 60 else f"{number:g}s"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def variable_of(path: KeyPath) -> str:
    """The variable of ours that sets a key: ``MIXVLLM_SERVER__PORT``."""
    if path[:2] == ("vllm", "env") and len(path) > 2:
        return f"{PREFIX}VLLM__ENV__{path[2]}"
    return PREFIX + "__".join(str(part).replace("-", "_") for part in path).upper()
