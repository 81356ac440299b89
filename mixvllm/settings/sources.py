"""The layers above the profile: ``MIXVLLM_*`` variables and the command line.

Both are text that names a key; the schema says what the text means. pydantic-settings' own
environment source is not used: it ignores unknown variables, and one value that is no JSON
hides every other finding (its issues 985 and 756).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import CliFlag, EnvVar, KeyPath, Origin, dotted
from mixvllm.settings.fields import FREE_FORM, all_fields, field_at, keys_of, option_name
from mixvllm.settings.interpolate import Untyped, is_text
from mixvllm.settings.kubernetes import Service, services
from mixvllm.settings.layers import Layer, Place, Value, get
from mixvllm.settings.typed import json_object, json_value, typed
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
    ours = [name for name in sorted(environ) if name.startswith(PREFIX)]
    theirs: set[str] = set()
    for service in services(environ, PREFIX.rstrip("_")) if ours else ():
        layer.diagnostics.append(_of_kubernetes(service))
        theirs.update(service.variables)
    for name in ours:
        if name in _NOT_SETTINGS or name in theirs or environ[name] == "":
            continue
        if not is_text(environ[name]):
            layer.diagnostics.append(_not_text(EnvVar(name)))
            continue
        parts = name.removeprefix(PREFIX).split("__")
        if not _set(layer, [p.lower() for p in parts], parts, Untyped(environ[name]), EnvVar(name)):
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


def _of_kubernetes(service: Service) -> Diagnostic:
    first, others = service.variables[0], len(service.variables) - 1
    return Diagnostic(
        "MX815",
        Severity.INFO,
        f"{first} and {others} more variables are of the Kubernetes service `{service.name}`: no"
        " settings, and not read",
        EnvVar(first),
        hint="enableServiceLinks: false in the pod's spec keeps them away",
    )


def cli_layer(overrides: Iterable[Override]) -> Layer:
    """Options typed on the command line; a later one wins over an earlier one."""
    layer = Layer("command line")
    for override in overrides:
        parts = override.key.split(".")
        origin = CliFlag(override.flag)
        if is_text(override.text):
            _set(layer, parts, parts, Untyped(override.text), origin, report=True)
        else:
            layer.diagnostics.append(_not_text(origin))
    return layer


def _not_text(origin: Origin) -> Diagnostic:
    return Diagnostic("MX110", Severity.ERROR, f"{origin} holds bytes that are not UTF-8", origin)


def _set(
    layer: Layer,
    parts: list[str],
    raw: list[str],
    value: Value,
    origin: Origin,
    *,
    report: bool = False,
) -> bool:
    """Put a value at the key it names: text, or a part of a JSON object with its type.

    False, and a finding if asked, when there is no such key.
    """
    place = Place(origin, origin)
    path: KeyPath = ()
    for i, part in enumerate(parts):
        name = part.replace("-", "_")
        if name not in keys_of(path):
            if report:
                layer.diagnostics.append(unknown_key(part, path, origin))
            return False
        path = (*path, name)
        field = field_at(path)
        rest = raw[i + 1 :]
        if path in FREE_FORM and rest:
            _set_free(layer, path, rest, value, place)
            return True
        if path in FREE_FORM:
            break
        if field is not None:
            if rest:
                if report:
                    hint = f"`{dotted(path)}` has no keys of its own"
                    layer.diagnostics.append(
                        Diagnostic("MX100", Severity.ERROR, f"unknown key `{'.'.join(raw)}`",
                                   origin, key=path, hint=hint)
                    )  # fmt: skip
                return False
            if isinstance(value, Untyped):
                value = typed(value, field.annotation)
            layer.replace(path, value, place)
            return True
    if path == ("model",) and isinstance(value, str):
        layer.replace(("model", "name"), str(value), place)
        return True
    return _set_section(layer, path, value, origin)


def _set_free(layer: Layer, path: KeyPath, rest: list[str], value: Value, place: Place) -> None:
    """A key of ``vllm.args`` (kebab case, deeper keys are JSON) or ``vllm.env`` (as written)."""
    of_variable = isinstance(place.key, EnvVar)
    if path[-1] == "env":
        layer.replace((*path, ("__" if of_variable else ".").join(rest)), value, place)
        return
    name = rest[0] if rest[0].startswith("-") and rest[0][:2] != "--" else rest[0].lower()
    deeper = [part.lower() if of_variable and part.isupper() else part for part in rest[1:]]
    option = (*path, option_name(name))
    if not deeper:
        layer.replace(option, value, place)
        return
    whole = json_object(get(layer.values, option))
    if whole is not None:  # set as one text before, e.g. '{"mode": 3}'
        layer.put(option, whole, layer.places[option])
    layer.replace((*option, *deeper), _json_or_text(value), place)


def _json_or_text(value: Value) -> Value:
    if not isinstance(value, Untyped):
        return value
    try:
        return json_value(value)
    except ValueError:
        return str(value)


def _set_section(layer: Layer, path: KeyPath, value: Value, origin: Origin) -> bool:
    """A whole section as JSON: ``MIXVLLM_SERVER='{"port": 8001}'``."""
    why = "it is not an object"
    if isinstance(value, Untyped):
        try:
            value = json_value(value)
        except ValueError as error:
            value, why = None, str(error)
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
        parts = [*map(str, path), str(key)]
        _set(layer, parts, parts, inner, origin, report=True)
    return True
