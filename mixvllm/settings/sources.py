"""The layers above the profile: ``MIXVLLM_*`` variables and the command line.

Both are text that names a key; the schema says what the text means. pydantic-settings' own
environment source is not used: it ignores unknown variables, and one value that is no JSON
hides every other finding (its issues 985 and 756).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import CliFlag, EnvVar, KeyPath, Origin, dotted
from mixvllm.settings.fields import FREE_FORM, all_fields, section_of
from mixvllm.settings.interpolate import Untyped
from mixvllm.settings.layers import Layer, Place, Value
from mixvllm.settings.schema import Profile
from mixvllm.settings.typed import typed
from mixvllm.settings.unknown import near, unknown_key

PREFIX: Final = "MIXVLLM_"
_NOT_SETTINGS: Final = {"MIXVLLM_DEBUG"}  # shows tracebacks of our own bugs


@dataclass(frozen=True, slots=True)
class Override:
    """A key set on the command line: ``--port 8001`` or ``--set server.port=8001``."""

    flag: str
    key: str  # dotted, as typed
    text: str


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """``MIXVLLM_SERVER__PORT`` and its like. An empty variable counts as not set."""
    layer = Layer("environment")
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS or environ[name] == "":
            continue
        parts = name.removeprefix(PREFIX).split("__")
        if not _set(layer, [p.lower() for p in parts], parts, environ[name], EnvVar(name)):
            known = {PREFIX + "__".join(map(str, f.path)).upper() for f in all_fields()}
            meant = near(name, known | {PREFIX + "MODEL"})
            layer.diagnostics.append(
                Diagnostic(
                    "MX100",
                    Severity.ERROR,
                    f"unknown variable {name}",
                    EnvVar(name),
                    label=f"did you mean {meant}?" if meant else "",
                    hint=f"variables are {PREFIX}SECTION__KEY, with two underscores",
                )
            )
    return layer


def cli_layer(overrides: Iterable[Override]) -> Layer:
    """Options typed on the command line; a later one wins over an earlier one."""
    layer = Layer("command line")
    for override in overrides:
        parts = override.key.split(".")
        _set(layer, parts, parts, override.text, CliFlag(override.flag), report=True)
    return layer


def _set(
    layer: Layer,
    parts: list[str],
    raw: list[str],
    text: str,
    origin: Origin,
    *,
    report: bool = False,
) -> bool:
    """Put a text at the key it names. False, and a finding if asked, when there is no such key."""
    place = Place(origin, origin)
    section: type[BaseModel] = Profile
    path: KeyPath = ()
    for i, part in enumerate(parts):
        name = part.replace("-", "_")
        info = section.model_fields.get(name)
        if info is None:
            if report:
                layer.diagnostics.append(unknown_key(part, section, path, origin))
            return False
        path = (*path, name)
        inner = section_of(info.annotation)
        rest = raw[i + 1 :]
        if path in FREE_FORM and rest:
            _set_free(layer, path, rest, text, place)
            return True
        if inner is None:
            if rest:
                if report:
                    hint = f"`{dotted(path)}` has no keys of its own"
                    layer.diagnostics.append(
                        Diagnostic("MX100", Severity.ERROR, f"unknown key `{'.'.join(raw)}`",
                                   origin, key=path, hint=hint)
                    )  # fmt: skip
                return False
            layer.put(path, typed(text, info.annotation), place)
            return True
        section = inner
    if path == ("model",):
        layer.put(("model", "name"), text, place)
        return True
    return _set_section(layer, path, text, origin)


def _set_free(layer: Layer, path: KeyPath, rest: list[str], text: str, place: Place) -> None:
    """A key of ``vllm.args`` (kebab case, deeper keys are JSON) or ``vllm.env`` (as written)."""
    if path[-1] == "env":
        layer.put((*path, ".".join(rest)), Untyped(text), place)
        return
    option = rest[0].lower().replace("_", "-").lstrip("-")
    layer.put((*path, option, *rest[1:]), _json_or_text(text, nested=len(rest) > 1), place)


def _json_or_text(text: str, *, nested: bool) -> Value:
    if not nested:
        return Untyped(text)
    try:
        value: Value = json.loads(text)
    except ValueError:
        return text
    return value


def _set_section(layer: Layer, path: KeyPath, text: str, origin: Origin) -> bool:
    """A whole section as JSON: ``MIXVLLM_SERVER='{"port": 8001}'``."""
    try:
        value: Any = json.loads(text)
    except ValueError as error:
        value, why = None, str(error)
    else:
        why = "it is not an object"
    if not isinstance(value, dict):
        layer.diagnostics.append(
            Diagnostic(
                "MX110",
                Severity.ERROR,
                f"`{dotted(path)}` takes a JSON object: {why}",
                origin,
                key=path,
                hint="or set its keys one by one",
            )
        )
        return True
    for key, inner in value.items():
        shown = inner if isinstance(inner, str) else json.dumps(inner)
        parts = [*map(str, path), str(key)]
        _set(layer, parts, parts, shown, origin, report=True)
    return True
