"""One value of a profile as words of ``vllm serve``'s command line, exactly or not at all.

vLLM's parser has no way to say some values: an empty string where it reads "" as null, a list item
that starts with a dash, an empty list. Others it would take for something else. Those raise
`Inexpressible`; every other value arrives in vLLM as it stands in the profile. One word holds both
option and value (``--chat-template=--odd.jinja``), because a word of its own that starts with a
dash is taken for an option. Verified against the parser of vLLM 0.32.0, option by option
(tests/vllm/test_argv.py).

A value that has no spelling of its own but is the default anyway is said by saying nothing.
"""

import json
import math
from collections.abc import Mapping
from typing import Final

from mixvllm.vllm.option import Kind, Option
from mixvllm.vllm.quantity import human_integer

LORA_KEYS: Final = ("name", "path", "base_model_name", "is_3d_lora_weight")
"""Of an adapter that is a mapping: LoRAModulePath of 0.33.0."""
_NULL_TEXTS = ("", "None")
_LONGEST = 131_071  # bytes of one word: Linux, MAX_ARG_STRLEN, less the NUL at its end


class Inexpressible(ValueError):
    """vLLM's command line cannot say this value. The message is the reason, in words."""


def render_value(option: Option, value: object) -> tuple[str, ...]:
    """The words that give ``option`` this value; none where leaving it out says the same.

    Args:
        option: of the release that will be started.
        value: as parsed from YAML: null, boolean, number, text, list or mapping.

    Raises:
        Inexpressible: no words do, or the value is not of a type the option takes.
    """
    if option.name == "config":
        raise Inexpressible("a second file would set options that nobody has checked")
    if value is None:
        return _null(option)
    if option.kind in (Kind.FLAG, Kind.SWITCH):
        return _boolean(option, value)
    if option.many:
        return _several(option, value if isinstance(value, list) else [value])
    if value is True and option.kind is Kind.STRING_OR_FLAG:
        return (f"--{option.name}",)
    return (_joined(option, _word(option, value)),)


def _joined(option: Option, word: str) -> str:
    """Option and value in one word, as long as a word may be."""
    joined = f"--{option.name}={word}"
    if len(joined.encode()) > _LONGEST:
        raise Inexpressible(f"a word of a command line holds {_LONGEST:,} bytes at most")
    return joined


def _null(option: Option) -> tuple[str, ...]:
    if option.default is None:
        return ()
    if not option.optional:
        raise Inexpressible("it has no null")
    return (f"--{option.name}=None",)


def _boolean(option: Option, value: object) -> tuple[str, ...]:
    if not isinstance(value, bool):
        raise Inexpressible(f"it is true or false, not {_described(value)}")
    if value:
        return (f"--{option.name}",)
    if option.kind is Kind.SWITCH:
        return (f"--no-{option.name}",)
    if option.default is not False:
        raise Inexpressible("it can only be switched on")
    return ()


def _several(option: Option, items: list[object]) -> tuple[str, ...]:
    if not items:
        if option.default == []:
            return ()
        raise Inexpressible("a list on the command line has at least one item")
    words = [_word(option, item) for item in items]
    if option.repeated or len(words) == 1:
        return tuple(_joined(option, word) for word in words)
    for place, word in enumerate(words, start=1):
        # argparse takes "-" for a value, and "-5" too, as vLLM has no option that is a number.
        if word.startswith("-") and word != "-" and not word[1:].isdecimal():
            raise Inexpressible(
                f"item {place} of {len(words)} starts with a dash: it would be taken for an option"
            )
        _joined(option, word)
    return (f"--{option.name}", *words)


def _word(option: Option, value: object) -> str:
    """The text of one value, or of one item of a list."""
    word = _text(option, value)
    if "\0" in word:
        raise Inexpressible("a command line cannot hold a NUL character")
    try:
        word.encode()
    except UnicodeEncodeError:
        raise Inexpressible("it holds half of a surrogate pair, which is no character") from None
    if word == "--":
        raise Inexpressible("argparse drops '--' wherever it stands")
    if option.null_text and word in _NULL_TEXTS:
        raise Inexpressible(f"vLLM reads {word!r} as null here")
    if option.choices is not None:
        _check_choice(option, word)
    return word


def _check_choice(option: Option, word: str) -> None:
    folded = word.lower().replace("-", "_") if option.folded else word
    known = [str(choice) for choice in option.choices or () if choice is not None]
    if folded not in known:
        raise Inexpressible(f"{word!r} is not one of {', '.join(known)}")


def _text(option: Option, value: object) -> str:
    match option.kind:
        case Kind.INTEGER:
            return _integer(value)
        case Kind.HUMAN_INTEGER | Kind.HUMAN_INTEGER_OR_AUTO:
            return _human(option, value)
        case Kind.NUMBER:
            return _number(value)
        case Kind.ID_LIST:
            return _id_list(value)
        case Kind.LORA_MODULES:
            return _lora_module(value)
        case Kind.JSON:
            return _json_option(option, value)
        case Kind.JSON_OR_STRING:
            return _json_or_string(value)
        case _:
            return _string(value)


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return _digits(value)  # a revision of digits alone is an integer in YAML
    quote = "; quote it" if isinstance(value, bool | float) else ""
    raise Inexpressible(f"it takes text, not {_described(value)}{quote}")


def _integer(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Inexpressible(f"it takes an integer, not {_described(value)}")
    return _digits(value)


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:
        raise Inexpressible("it has more than the 4300 digits that Python reads") from None


def _human(option: Option, value: object) -> str:
    if not isinstance(value, str):
        return _integer(value)
    if option.kind is Kind.HUMAN_INTEGER_OR_AUTO and value.strip().lower() == "auto":
        return value
    try:
        human_integer(value, option.suffixes)
    except ValueError as error:
        raise Inexpressible(str(error)) from None
    return value


def _number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Inexpressible(f"it takes a number, not {_described(value)}")
    if isinstance(value, int) and not _fits_a_fraction(value):
        raise Inexpressible("vLLM reads a fraction here, which cannot hold so many digits exactly")
    return repr(value)


def _fits_a_fraction(value: int) -> bool:
    try:
        return float(value) == value
    except OverflowError:
        return False


def _id_list(value: object) -> str:
    """``0,1`` for indices, or UUIDs; a text of digits becomes an integer in vLLM."""
    ids = value if isinstance(value, list) else [value]
    words = [_string(item) for item in ids]
    for item, word in zip(ids, words, strict=True):
        exact = not isinstance(value, list) or word == word.strip()
        if not exact or not all(part.strip() for part in word.split(",")):
            raise Inexpressible(f"{word!r} is no name of a device")
        if isinstance(value, list) and ("," in word or (isinstance(item, str) and word.isdigit())):
            raise Inexpressible(f"vLLM would not read {word!r} as one text")
        if isinstance(item, int) and item < 0:
            raise Inexpressible("vLLM reads a negative number as text here")
    if not words:
        raise Inexpressible("an empty list of devices cannot be said")
    return ",".join(words)


def _lora_module(value: object) -> str:
    """``name=path``, or a mapping with name and path.

    vLLM takes text with a comma for JSON, and old releases (0.20.2 was the last one tried) stumble
    over a second ``=``, so such a path is put into JSON here.
    """
    if isinstance(value, str):
        name, equals, path = value.partition("=")
        if value.lstrip().startswith("{"):
            _check_lora_module(json.loads(_checked_json(value)))
            return value
        if not equals:
            raise Inexpressible("a LoRA module is NAME=PATH, or a mapping with name and path")
        if not {"=", ","} & set(path) and "," not in name:
            return value
        value = {"name": name, "path": path}
    _check_lora_module(value)
    return _json(value)


def _check_lora_module(value: object) -> None:
    if not isinstance(value, Mapping):
        raise Inexpressible(f"a LoRA module is NAME=PATH or a mapping, not {_described(value)}")
    unknown = next((key for key in value if key not in LORA_KEYS), None)
    if unknown is not None:
        raise Inexpressible(f"a LoRA module has no `{unknown}`, only {', '.join(LORA_KEYS)}")
    if not {"name", "path"} <= value.keys():
        raise Inexpressible("a LoRA module needs a name and a path")


def _json_or_string(value: object) -> str:
    """A mapping as JSON; text as it is, unless its braces would make vLLM read it as JSON."""
    if isinstance(value, Mapping):
        return _json(value)
    text = _string(value)
    if text.strip().startswith("{") and text.strip().endswith("}"):
        _checked_json(text)
    return text


def _json_option(option: Option, value: object) -> str:
    """JSON written as text in the profile is passed on as it is."""
    word = _checked_json(value) if isinstance(value, str) else _json(value)
    if option.config is not None and not word.lstrip().startswith("{"):
        raise Inexpressible(f"it takes a mapping of {option.config}, not {_described(value)}")
    return word


def _checked_json(text: str) -> str:
    try:
        json.loads(text)
    except ValueError as error:
        raise Inexpressible(f"it takes JSON, and this is none: {error}") from None
    except RecursionError:
        raise Inexpressible("it takes JSON, and this is nested too deep to be read") from None
    return text


def _json(value: object) -> str:
    _check_json(value)
    return json.dumps(value, separators=(",", ":"))


def _check_json(value: object) -> None:
    """Refuse what JSON would change in silence: keys that are no text, infinities, dates."""
    if isinstance(value, Mapping):
        for key, held in value.items():
            if not isinstance(key, str):
                raise Inexpressible(f"JSON has only keys of text; quote the key {key!r}")
            _check_json(held)
    elif isinstance(value, list):
        for held in value:
            _check_json(held)
    elif isinstance(value, float) and not math.isfinite(value):
        raise Inexpressible("JSON has no infinity and no nan")
    elif isinstance(value, int) and not isinstance(value, bool):
        _digits(value)
    elif value is not None and not isinstance(value, bool | int | float | str):
        raise Inexpressible(f"JSON has no {_described(value)}")


def _described(value: object) -> str:
    """A value in words, without its content: it may be a secret."""
    if value is None or isinstance(value, str):
        return "null" if value is None else "text"
    if isinstance(value, Mapping):
        return "a mapping"
    names = {bool: "boolean", int: "number", float: "fraction", list: "list"}
    return f"a {names.get(type(value), type(value).__name__)}"
