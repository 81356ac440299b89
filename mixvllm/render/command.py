"""vLLM's command line and environment, built from the settings and nothing else.

Deterministic: the model, then named fields in the order of the schema, then `vllm.args` by
name. A flag that this release does not know, or a value that cannot be said on a command line,
is refused here as it is by `validate`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from mixvllm.core.errors import MachineFault
from mixvllm.core.origin import Default, KeyPath, Origin
from mixvllm.settings.engine import EngineSetting, absolute
from mixvllm.settings.keyfile import UnusableKeyFile, read_key
from mixvllm.settings.layers import Lost, Value
from mixvllm.settings.paths import is_local_path
from mixvllm.settings.resolve import Resolved
from mixvllm.settings.secrets import is_secret_name, looks_like_secret
from mixvllm.settings.tree import plain_value
from mixvllm.settings.written import written
from mixvllm.vllm.argv import render_value
from mixvllm.vllm.installation import Installation
from mixvllm.vllm.options import Options

API_KEY: Final = "VLLM_API_KEY"
_OUR_QUESTIONS: Final = "/health,/metrics"  # asked every two seconds; nobody wants them logged


@dataclass(frozen=True, slots=True)
class Source:
    """Who asked for something, and whom that overrode: the strongest first."""

    origin: Origin
    key: KeyPath = ()  # of the profile; none of what mixvllm adds by itself
    overrode: tuple[Lost, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of the command line that belong together, and their source."""

    words: tuple[str, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class VllmCommand:
    """What is run. ``secrets`` (name -> value) go by environment and are never shown."""

    pieces: tuple[Piece, ...]
    env: Mapping[str, str]
    env_sources: Mapping[str, Source]  # of the secrets, too
    secrets: Mapping[str, str] = field(repr=False)

    @property
    def argv(self) -> tuple[str, ...]:
        """The whole command line."""
        return tuple(word for piece in self.pieces for word in piece.words)


_OURS: Final = Source(Default("mixvllm"))


def build(
    resolved: Resolved,
    settings: tuple[EngineSetting, ...],
    options: Options,
    installation: Installation,
) -> VllmCommand:
    """The command for a profile without findings of severity error.

    Raises:
        Inexpressible: a value cannot be given to vLLM (MX251 says so before).
        MachineFault: the file of the API key changed since it was checked.
    """
    pieces = [
        Piece(installation.command, _who_started(resolved, installation)),
        Piece(("serve", _model(resolved)), _source(resolved, "model", "name")),
    ]
    given = {setting.option.name for setting in settings if setting.option}
    for setting in settings:
        if setting.option is None:
            continue
        words = render_value(setting.option, setting.value)
        if words:
            lost = resolved.lost(setting.key)
            pieces.append(Piece(words, Source(setting.place.value, setting.key, lost)))
    drain = options.find("shutdown-timeout")
    grace = resolved.setting("supervisor", "stop_grace")
    if (
        drain is not None
        and drain.name not in given
        and isinstance(grace, int | float)
        and 1 <= grace < math.inf
    ):
        source = _source(resolved, "supervisor", "stop_grace")
        pieces.append(Piece(render_value(drain, int(grace)), source))
    quiet = options.find("disable-access-log-for-endpoints")
    if quiet is not None and quiet.name not in given:
        pieces.append(Piece(render_value(quiet, _OUR_QUESTIONS), _OURS))
    env, sources, secrets = _environment(resolved, options)
    return VllmCommand(tuple(pieces), env, sources, secrets)


def _source(resolved: Resolved, *path: str) -> Source:
    return Source(resolved.origin(path), path, resolved.lost(path))


def _who_started(resolved: Resolved, installation: Installation) -> Source:
    source = _source(resolved, "vllm", "command")
    if resolved.value("vllm", "command") is not None:
        return source
    return replace(source, origin=Default(f"mixvllm: {installation.source}"))


def _model(resolved: Resolved) -> str:
    name = str(resolved.value("model", "name"))
    origin = resolved.origin(("model", "name"))
    return str(absolute(name, origin)) if is_local_path(name) else name


def _environment(
    resolved: Resolved, options: Options
) -> tuple[dict[str, str], dict[str, Source], dict[str, str]]:
    env: dict[str, str] = {}
    sources: dict[str, Source] = {}
    secrets: dict[str, str] = {}
    asked = resolved.value("vllm", "env")
    for name, value in sorted(asked.items()) if isinstance(asked, Mapping) else ():
        if value is None:
            continue
        source = _source(resolved, "vllm", "env", name)
        text = _env_text(name, value, options, written(resolved.texts, source.origin))
        secret = is_secret_name(name) or looks_like_secret(text)
        (secrets if secret else env)[name] = text
        sources[name] = source
    cards = resolved.setting("gpus", "select")
    if isinstance(cards, list):
        env["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, cards))
        env["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # the order of NVML, and so of `mixvllm gpus`
        sources["CUDA_VISIBLE_DEVICES"] = _source(resolved, "gpus", "select")
        sources["CUDA_DEVICE_ORDER"] = _OURS
    if "PYTHONUNBUFFERED" not in env:
        env["PYTHONUNBUFFERED"] = "1"  # a crash must not swallow the last lines
        sources["PYTHONUNBUFFERED"] = _OURS
    key = _api_key(resolved)
    if key is not None:
        secrets[API_KEY] = key
        which = "api_key" if resolved.value("server", "api_key") is not None else "api_key_file"
        sources[API_KEY] = _source(resolved, "server", which)
    return env, sources, secrets


def _env_text(name: str, value: Value, options: Options, text: str | None) -> str:
    """A variable's text: numbers as they were written (1.10 is not 1.1 to a program that reads
    a release), booleans in the spelling that this variable understands.
    """
    if isinstance(value, bool):
        known = options.env.get(name)
        spelling = known.spelling(on=value) if known else None
        return spelling if spelling is not None else str(int(value))
    if isinstance(value, int | float) and text is not None and plain_value(text) == value:
        return text
    return str(value)


def _api_key(resolved: Resolved) -> str | None:
    key, file = resolved.value("server", "api_key"), resolved.value("server", "api_key_file")
    if key is not None:
        return str(key)
    if file is None:
        return None
    path = absolute(str(file), resolved.origin(("server", "api_key_file")))
    try:
        return read_key(path)
    except UnusableKeyFile as why:
        raise MachineFault(f"the file of the API key, {path}, {why}") from None
