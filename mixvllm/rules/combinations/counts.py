"""Options that count something: sizes, ranks, lengths, as vLLM will read them."""

from mixvllm.rules.base import Facts
from mixvllm.settings.engine import EngineSetting
from mixvllm.settings.layers import Value
from mixvllm.vllm.option import Kind, Option
from mixvllm.vllm.quantity import human_integer

_HUMAN = {Kind.HUMAN_INTEGER, Kind.HUMAN_INTEGER_OR_AUTO}


def count(facts: Facts, name: str) -> int | None:
    """What an option will be, set or by this release's default.

    None when vLLM works it out at the start ("auto" and -1 too), and when it is nothing that can
    be counted: then another rule speaks.
    """
    return _nonnegative(facts.value_of(name), facts.options.find(name))


def counted(setting: EngineSetting | None) -> int | None:
    """The number that a setting gives; None where it gives none, and for no setting."""
    return None if setting is None else _nonnegative(setting.value, setting.option)


def whole(setting: EngineSetting | None) -> int | None:
    """The integer that a setting holds, below 0 too; None for all else: `auto`, `32k`, `true`."""
    value = None if setting is None else setting.value
    return value if type(value) is int else None


def _nonnegative(value: Value, option: Option | None) -> int | None:
    number = value
    if isinstance(value, str) and option is not None and option.kind in _HUMAN:
        try:
            number = human_integer(value, option.suffixes)
        except (ValueError, OverflowError):
            return None
    return number if type(number) is int and number >= 0 else None
