"""vLLM's command line and environment, built from the settings and nothing else.

Deterministic: the model, then named fields in the order of the schema, then `vllm.args` by
name. A flag that this release does not know, or a value that cannot be said on a command line,
is refused here as it is by `validate`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mixvllm.core.errors import MachineFault
from mixvllm.core.origin import Default, Origin
from mixvllm.settings.engine import EngineSetting, absolute
from mixvllm.settings.keyfile import UnusableKeyFile, read_key
from mixvllm.settings.layers import Value
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
class Piece:
    """Words of the command line that belong together, and who asked for them."""

    words: tuple[str, ...]
    origin: Origin
    key: str  # the profile key, "" for what mixvllm adds by itself
    overrode: tuple[Lost, ...] = ()  # the strongest first


@dataclass(frozen=True, slots=True)
class VllmCommand:
    """What is run. ``secrets`` (name -> value) go by environment and are never shown."""

    pieces: tuple[Piece, ...]
    env: Mapping[str, str]
    env_origins: Mapping[str, Origin]
    env_keys: Mapping[str, str]  # as Piece.key
    secrets: Mapping[str, str] = field(repr=False)

    @property
    def argv(self) -> tuple[str, ...]:
        """The whole command line."""
        return tuple(word for piece in self.pieces for word in piece.words)


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
        Piece(installation.command, _who_started(resolved, installation), "vllm.command"),
        Piece(("serve", _model(resolved)), resolved.origin(("model", "name")), "model.name"),
    ]
    given = {setting.option.name for setting in settings if setting.option}
    for setting in settings:
        if setting.option is None:
            continue
        words = render_value(setting.option, setting.value)
        if words:
            lost = resolved.lost(setting.key)
            pieces.append(Piece(words, setting.place.value, dotted(setting.key), lost))
    drain = options.find("shutdown-timeout")
    grace = resolved.setting("supervisor", "stop_grace")
    if (
        drain is not None
        and drain.name not in given
        and isinstance(grace, int | float)
        and 1 <= grace < math.inf
    ):
        origin = resolved.origin(("supervisor", "stop_grace"))
        pieces.append(Piece(render_value(drain, int(grace)), origin, "supervisor.stop_grace"))
    quiet = options.find("disable-access-log-for-endpoints")
    if quiet is not None and quiet.name not in given:
        pieces.append(Piece(render_value(quiet, _OUR_QUESTIONS), Default("mixvllm"), ""))
    env, origins, secrets = _environment(resolved, options)
    return VllmCommand(tuple(pieces), env, origins, secrets)


def _who_started(resolved: Resolved, installation: Installation) -> Origin:
    place = resolved.places.get(("vllm", "command"))
    return (
        place.value
        if place and resolved.value("vllm", "command") is not None
        else Default(f"mixvllm: {installation.source}")
    )


def _model(resolved: Resolved) -> str:
    name = str(resolved.value("model", "name"))
    origin = resolved.origin(("model", "name"))
    return str(absolute(name, origin)) if is_local_path(name) else name


def _environment(
    resolved: Resolved, options: Options
) -> tuple[dict[str, str], dict[str, Origin], dict[str, str]]:
    env: dict[str, str] = {}
    origins: dict[str, Origin] = {}
    secrets: dict[str, str] = {}
    asked = resolved.value("vllm", "env")
    for name, value in sorted(asked.items()) if isinstance(asked, Mapping) else ():
        if value is None:
            continue
        origin = resolved.origin(("vllm", "env", name))
        text = _env_text(name, value, options, written(resolved.texts, origin))
        secret = is_secret_name(name) or looks_like_secret(text)
        (secrets if secret else env)[name] = text
        origins[name] = origin
    cards = resolved.setting("gpus", "select")
    if isinstance(cards, list):
        env["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, cards))
        env["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # the order of NVML, and so of `mixvllm gpus`
        origins["CUDA_VISIBLE_DEVICES"] = resolved.origin(("gpus", "select"))
        origins["CUDA_DEVICE_ORDER"] = Default("mixvllm")
    if "PYTHONUNBUFFERED" not in env:
        env["PYTHONUNBUFFERED"] = "1"  # a crash must not swallow the last lines
        origins["PYTHONUNBUFFERED"] = Default("mixvllm")
    key = _api_key(resolved)
    if key is not None:
        secrets[API_KEY] = key
        which = "api_key" if resolved.value("server", "api_key") is not None else "api_key_file"
        origins[API_KEY] = resolved.origin(("server", which))
    return env, origins, secrets


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
