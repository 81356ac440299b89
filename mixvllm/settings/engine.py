"""vLLM's options as a profile sets them: named fields and `vllm.args` as one list.

Rules check this list and the command is built from it, so both speak of the same thing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mixvllm.core.errors import MachineFault
from mixvllm.core.origin import Default, FileSpan, KeyPath, Origin
from mixvllm.settings.fields import all_fields
from mixvllm.settings.interpolate import Untyped
from mixvllm.settings.layers import Place, Value
from mixvllm.settings.paths import is_local_path, local_path
from mixvllm.settings.resolve import Resolved
from mixvllm.settings.typed import json_value, typed
from mixvllm.settings.unavailable import Unavailable
from mixvllm.vllm.option import Kind, Option
from mixvllm.vllm.options import Options

# Fields whose default of ours is always passed on, because vLLM's own differs or the supervisor
# must know it: (path, default).
_ALWAYS: Final[tuple[tuple[KeyPath, Value], ...]] = (
    (("server", "host"), "127.0.0.1"),
    (("server", "port"), 8000),
)
# Options that take a file or a folder. Only the TLS files are never anything else: of the others
# a value is a path when it begins as paths do.
_PATHS: Final = {
    "tokenizer", "chat-template", "ssl-certfile", "ssl-keyfile", "ssl-ca-certs", "download-dir",
    "hf-config-path", "generation-config", "allowed-local-media-path", "tool-parser-plugin",
    "reasoning-parser-plugin", "log-config-file",
}  # fmt: skip
_NEW_NAMES: Final = {"max_tokens": "max_new_tokens"}  # transformers' GenerationConfig
_WHOLE: Final = re.compile(r"-?[0-9]{1,400}")
_NUMBERS: Final = {Kind.HUMAN_INTEGER, Kind.HUMAN_INTEGER_OR_AUTO}


@dataclass(frozen=True, slots=True)
class EngineSetting:
    """One vLLM option with its value and where both come from.

    ``option`` is None when the release does not know the name; ``named`` says whether it came
    through a named section (``inference.dtype``) or through ``vllm.args``.
    """

    key: KeyPath
    name: str  # as the profile has it, kebab case
    option: Option | None
    value: Value
    place: Place
    named: bool


def engine_settings(resolved: Resolved, options: Options) -> tuple[EngineSetting, ...]:
    """All of them: named fields in the schema's order, then `vllm.args` by name."""
    return (*_named(resolved, options), *_args(resolved, options))


def _named(resolved: Resolved, options: Options) -> Iterator[EngineSetting]:
    defaults = dict(_ALWAYS)
    for field in all_fields():
        if field.engine_option is None:
            continue
        place = resolved.places.get(field.path)
        value = resolved.value(*map(str, field.path))
        if place is None or value is None:
            if field.path not in defaults or place is not None:
                continue
            place, value = _by_default(), defaults[field.path]
        option = options.find(field.engine_option)
        if field.engine_option in _PATHS and isinstance(value, str):
            value = _path(value, place.value, always=field.engine_option.startswith("ssl-"))
        yield EngineSetting(
            field.path, field.engine_option, option, of_kind(value, option), place, named=True
        )
    generation = _generation(resolved, options)
    if generation is not None:
        yield generation


def _by_default() -> Place:
    return Place(Default("mixvllm"), Default("mixvllm"))


def _generation(resolved: Resolved, options: Options) -> EngineSetting | None:
    section = resolved.value("generation_defaults")
    place = resolved.place("generation_defaults")
    if not isinstance(section, Mapping):
        return None
    values = {
        _NEW_NAMES.get(name, name): value
        for name, value in section.items()
        if value is not None and value is not Unavailable
    }
    if not values:
        return None
    if place is None:  # set by variables or options only
        first = next(iter(section))
        place = resolved.places[("generation_defaults", first)]
    option = options.find("override-generation-config")
    return EngineSetting(
        ("generation_defaults",), "override-generation-config", option, values, place, named=True
    )


def _args(resolved: Resolved, options: Options) -> Iterator[EngineSetting]:
    args = resolved.value("vllm", "args")
    if not isinstance(args, Mapping):
        return
    for name in sorted(args):
        value = args[name]
        path = ("vllm", "args", name)
        place = resolved.places.get(path)
        if value is Unavailable:
            continue
        if place is None:  # only deeper keys were set, one by one
            below = (p for key, p in resolved.places.items() if key[:3] == path)
            place = next(below, resolved.places.get(path[:2]) or _by_default())
        option = options.find(name)
        known = option.name if option else name
        if known in _PATHS and isinstance(value, str):
            value = _path(value, place.value, always=known.startswith("ssl-"))
        yield EngineSetting(path, name, option, of_kind(value, option), place, named=False)


def _path(text: str, origin: Origin, *, always: bool) -> str:
    """A path of the profile made absolute; paths typed elsewhere start at the working folder."""
    if not always and not is_local_path(text):
        return text
    return str(absolute(text, origin))


def absolute(text: str, origin: Origin) -> Path:
    """A path as its writer meant it: relative to the file it stands in, else to where we run.

    Raises MachineFault when that is needed and the working folder is gone.
    """
    base = origin.path.parent if isinstance(origin, FileSpan) else Path()
    path = local_path(text, base)
    try:
        return _normal(path.absolute())
    except FileNotFoundError:
        raise MachineFault(
            f"{text} is relative to the working folder, which is gone",
            hint="go to a folder that exists",
        ) from None


def _normal(path: Path) -> Path:
    """Without ``.`` and ``..``, but with symbolic links as they are written."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and len(parts) > 1:
            parts.pop()
        elif part != "..":
            parts.append(part)
    return Path(*parts)


def of_kind(value: Value, option: Option | None) -> Value:
    """Text from the environment or the command line, as the option takes it; else unchanged."""
    if not isinstance(value, Untyped) or option is None:
        return value
    text = str(value)
    if option.optional and text in ("null", "~"):
        return None
    if option.many and text.lstrip().startswith("{"):  # one JSON object, or several
        try:
            return json_value(f"[{text}]")
        except ValueError:
            return [text]
    if option.many and not text.lstrip().startswith("["):
        return [_scalar(part.strip(), option) for part in text.split(",") if part.strip()]
    return _scalar(text, option)


def _scalar(text: str, option: Option) -> Value:
    try:
        if option.kind in (Kind.FLAG, Kind.SWITCH):
            lowered = text.lower()
            words = {"true": True, "1": True, "yes": True, "on": True,
                     "false": False, "0": False, "no": False, "off": False}  # fmt: skip
            return words.get(lowered, text)
        if option.kind in _NUMBERS:
            return int(text) if _WHOLE.fullmatch(text) else text
        if option.kind is Kind.INTEGER:
            return typed(text, int)
        if option.kind is Kind.NUMBER:
            return typed(text, float)
        if option.kind in (Kind.JSON, Kind.JSON_OR_STRING) or option.many:
            return json_value(text)
    except ValueError:
        return text
    return text
