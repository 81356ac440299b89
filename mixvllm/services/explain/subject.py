"""What a word that an operator asks about means: a key, an option, a variable, a section."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mixvllm.core.errors import UsageFault
from mixvllm.core.origin import KeyPath, dotted
from mixvllm.rules.mx231_managed_option import INSTEAD
from mixvllm.settings.fields import all_fields, field_at, keys_of
from mixvllm.settings.sources import PREFIX
from mixvllm.settings.unknown import near
from mixvllm.vllm.history import release_with, variable_release_with
from mixvllm.vllm.option import ConfigKey, EnvVariable, Kind, Option
from mixvllm.vllm.options import Options, options_of

_ARGS: Final = ("vllm", "args")
_ENV: Final = ("vllm", "env")
_INDEX: Final = re.compile(r"\[\d+\]$")  # gpus.select[0] is told with its list
_MOST: Final = 3  # names that are suggested


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked about. ``keys`` are those of the profile that set it, the usual one first.

    ``release`` is the one that the option or variable was looked up in: the release asked for,
    unless it lacks it. Below a JSON option there are ``config``, vLLM's class, and ``json_key``,
    if vLLM says what its keys are. A section has nothing but its key.
    """

    keys: tuple[KeyPath, ...]
    option: Option | None = None
    config: str | None = None
    json_key: ConfigKey | None = None
    variable: EnvVariable | None = None
    release: str | None = None
    is_section: bool = False

    @property
    def key(self) -> KeyPath:
        """The key that a profile usually sets it by."""
        return self.keys[0]

    @property
    def instead(self) -> str:
        """What to write in place of an option under `vllm.args`, because mixvllm sets it."""
        return INSTEAD.get(self.option.name, "") if self.option is not None else ""

    @property
    def ways(self) -> tuple[KeyPath, ...]:
        """The keys that may set it."""
        return tuple(key for key in self.keys if not (self.instead and key[:2] == _ARGS))

    @property
    def is_json(self) -> bool:
        """Whether it is something below a JSON option."""
        return self.option is not None and len(self.key) > 3


def subject_of(word: str, options: Options) -> Subject:
    """What a word means: ``server.port``, ``--tp``, ``max-model-len``, ``VLLM_USE_V1`` ...

    Raises:
        UsageFault: it means nothing, or several things; the hint says what may be meant.
    """
    text = _INDEX.sub("", word.strip())
    found = _typed(text, options) or _dotted(text, options) or _bare(text, options)
    if found is None:
        raise UsageFault(
            f"there is no key, option, variable, code or rule {word.strip()!a}",
            hint=_hint(text, options),
        )
    return found


def _typed(text: str, options: Options) -> Subject | None:
    """As on a command line or in an environment: ``--tp``, ``-q``, ``MIXVLLM_SERVER__PORT``."""
    if text.startswith(PREFIX):
        first, *rest = text.removeprefix(PREFIX).split("__")
        names = [part.lower() for part in (first, *rest)]
        if tuple(names[:2]) == _ENV:
            return _variable("__".join(rest[1:]), options)
        return _dotted(".".join(names), options)
    if not text.startswith("-"):
        return None
    for field in all_fields():
        if text in field.cli_flags:
            return _leaf(field.path, options)
    return _option(text, (), options)


def _dotted(text: str, options: Options) -> Subject | None:
    """A key as a profile has it, in kebab or snake case."""
    parts = text.split(".")
    path: KeyPath = ()
    for i, part in enumerate(parts):
        if path == _ARGS:
            return _option(part, tuple(parts[i + 1 :]), options)
        if path == _ENV:
            return _variable(".".join(parts[i:]), options)
        if part.replace("-", "_") not in keys_of(path):
            return None
        path = (*path, part.replace("-", "_"))
        if field_at(path) is not None and path not in (_ARGS, _ENV):
            return _leaf(path, options) if i == len(parts) - 1 else None
    return Subject((path,), is_section=True)


def _bare(text: str, options: Options) -> Subject | None:
    """An option of vLLM, a variable of vLLM, or a key whose section goes without saying."""
    first, *deeper = text.split(".")
    found = _option(first, tuple(deeper), options)
    if found is not None:
        return found
    if text in options.env or variable_release_with(text, options.release) is not None:
        return _variable(text, options)
    paths = [field.path for field in all_fields() if field.path[-1] == text.replace("-", "_")]
    if len(paths) > 1:
        raise UsageFault(
            f"{text} is a key of several sections",
            hint=f"say which: {', '.join(map(dotted, paths))}",
        )
    return _leaf(paths[0], options) if paths else None


def _leaf(path: KeyPath, options: Options) -> Subject:
    field = field_at(path)
    if field is None or field.engine_option is None:
        return Subject((path,))
    found = _option(field.engine_option, (), options)
    return found if found is not None else Subject((path, (*_ARGS, field.engine_option)))


def _option(spelling: str, deeper: tuple[str, ...], options: Options) -> Subject | None:
    """An option of the release, or of the nearest one that has it."""
    release = release_with(spelling, options.release)
    option = None if release is None else options_of(release).find(spelling)
    if release is None or option is None:
        return None
    args = (*_ARGS, option.name)
    if deeper:
        return _below(option, args, deeper, release)
    named = next((f.path for f in all_fields() if f.engine_option == option.name), None)
    return Subject((args,) if named is None else (named, args), option, release=release)


def _below(option: Option, args: KeyPath, deeper: tuple[str, ...], release: str) -> Subject | None:
    """A key of a JSON option. Where vLLM itself takes any key, so do we."""
    if option.kind not in (Kind.JSON, Kind.JSON_OR_STRING):
        return None
    path: KeyPath = args
    owner, config, key = None, option.config, None
    for part in deeper:
        owner, key, name = config, None, part
        if owner is not None:
            name = part.replace("-", "_")
            key = (options_of(release).config_keys(owner) or {}).get(name)
            if key is None:
                return None
        config = None if key is None else key.config
        path = (*path, name)
    return Subject((path,), option, owner, key, release=release)


def _variable(name: str, options: Options) -> Subject | None:
    """A variable of vLLM's process: any name will do, but not a misspelt one of vLLM's own."""
    release = variable_release_with(name, options.release)
    if release is None and (not name or name.startswith("VLLM_")):
        return None
    known = None if release is None else options_of(release).env.get(name)
    return Subject(((*_ENV, name),), variable=known, release=release)


def _hint(text: str, options: Options) -> str:
    meant = list(dict.fromkeys(_meant(text, options)))[:_MOST]
    if not meant:
        sections = ", ".join(str(key) for key in keys_of(()) if keys_of((key,)))
        return f"`mixvllm explain SECTION` lists the keys of one: {sections}"
    return f"did you mean {', '.join(f'`{name}`' for name in meant)}?"


def _meant(text: str, options: Options) -> Iterable[str]:
    section, dot, last = text.rpartition(".")
    if section == "vllm.env" or text.startswith("VLLM_"):
        yield from (f"vllm.env.{name}" for name in options.nearest_variable(last or text))
        return
    if section in ("", "vllm.args"):
        yield from options.nearest(last or text)
    option = options.find(section.removeprefix("vllm.args.")) if section else None
    if option is not None and option.config is not None:
        keys = options.config_keys(option.config) or {}
        near_keys = difflib.get_close_matches(last, keys, n=_MOST)
        yield from (f"{option.name}.{name}" for name in near_keys)
        return
    here = tuple(part.replace("-", "_") for part in section.split(".")) if dot else ()
    known = near(last.replace("-", "_"), map(str, keys_of(here)))
    if known is not None and (not dot or keys_of(here)):
        yield dotted((*here, known))
        return
    everything = [dotted(field.path) for field in all_fields()]
    yield from difflib.get_close_matches(text.replace("-", "_"), everything, n=_MOST)
