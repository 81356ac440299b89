"""What an option, a JSON key and a variable take, in words."""

from collections.abc import Mapping
from typing import Final

from mixvllm.vllm.option import ConfigKey, EnvVariable, JsonType, Kind, Option, Reading

KINDS: Final[Mapping[Kind, str]] = {
    Kind.FLAG: "true or false",
    Kind.SWITCH: "true or false",
    Kind.INTEGER: "an integer",
    Kind.HUMAN_INTEGER: "an integer such as 32768, 32k or 32K",
    Kind.HUMAN_INTEGER_OR_AUTO: "an integer such as 32768, 32k or 32K, or auto",
    Kind.NUMBER: "a number",
    Kind.STRING: "a string",
    Kind.STRING_OR_FLAG: "a string, or true",
    Kind.JSON: "a mapping or a list",
    Kind.JSON_OR_STRING: "a string or a mapping",
    Kind.ID_LIST: "a list of device ids",
    Kind.LORA_MODULES: "name=path, or a mapping with name and path",
}
_TYPES: Final[Mapping[JsonType, str]] = {
    JsonType.BOOLEAN: "true or false",
    JsonType.INTEGER: "an integer",
    JsonType.NUMBER: "a number",
    JsonType.STRING: "a string",
    JsonType.LIST: "a list",
    JsonType.MAPPING: "a mapping",
    JsonType.NULL: "null",
}
_PLURALS: Final[Mapping[JsonType, str]] = {
    JsonType.BOOLEAN: "booleans",
    JsonType.INTEGER: "integers",
    JsonType.NUMBER: "numbers",
    JsonType.STRING: "strings",
    JsonType.LIST: "lists",
    JsonType.MAPPING: "mappings",
    JsonType.NULL: "nulls",
}


def option_takes(option: Option) -> str:
    """``an integer, at least 1``; choices are not among the words."""
    words = (json_takes(option) or KINDS[option.kind]) + range_in_words(option)
    if option.many:
        words += ", or a list of them"
    return f"{words}, or null" if option.optional else words


def key_takes(key: ConfigKey) -> str:
    """The same for a key of a JSON option."""
    if key.accepts is None:
        return "a value that vLLM checks at the start"
    return " or ".join(_TYPES[kind] for kind in key.accepts) + range_in_words(key)


def json_takes(option: Option) -> str:
    """What an option of JSON takes: ``a mapping of strings``, where that is known; else ""."""
    if option.kind is Kind.JSON and option.config is not None:
        return "a mapping"
    if option.accepts is None:
        is_list = option.kind is Kind.JSON and isinstance(option.default, list)
        return "a list" if is_list else ""
    words = " or ".join(_TYPES[kind] for kind in option.accepts if kind is not JsonType.NULL)
    return f"{words} of {items_in_words(option)}" if option.items else words


def items_in_words(key: ConfigKey | Option) -> str:
    """What is in the list or mapping that a key takes: ``integers or strings``."""
    return " or ".join(_PLURALS[kind] for kind in key.items or ())


def variable_takes(variable: EnvVariable) -> str:
    """The same for a variable; of a boolean one, the texts that mean on and off, as measured."""
    if variable.kind is not Kind.SWITCH:
        return KINDS[variable.kind] + (", or several with commas" if variable.many else "")
    if not variable.readings:
        return KINDS[variable.kind]
    read = {Reading.ON: "on", Reading.OFF: "off", Reading.REFUSED: "refused"}
    other = variable.reads("abc")  # as every word that is not known
    parts = [
        f"{word}: {', '.join(texts)}"
        for reading, word in read.items()
        if reading is not other
        and (texts := [text for text, meaning in variable.readings if meaning is reading and text])
    ]
    if other in read:
        parts.append(f"any other word is {read[other]}")
    return "; ".join(parts)


def range_in_words(of: Option | ConfigKey) -> str:
    """``, 0 to 1``, ``, above 0, at most 1``; nothing where there are no bounds."""
    if of.at_least is not None and of.at_most is not None:
        return f", {of.at_least:g} to {of.at_most:g}"
    words = ""
    for name, bound in (("at least", of.at_least), ("above", of.above),
                        ("at most", of.at_most), ("below", of.below)):  # fmt: skip
        words += "" if bound is None else f", {name} {bound:g}"
    return words
