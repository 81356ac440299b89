"""pydantic's complaints, pointed at the operator's own text.

What pydantic saw is never repeated from its message (it may be a secret under a wrong key);
the value shown is taken from our tree, and only where the key is not a secret.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import ValidationError

from mixvllm.core.diagnostic import Diagnostic, Fix, Severity
from mixvllm.core.origin import FileSpan, KeyPath, Origin, dotted
from mixvllm.settings.fields import field_at, type_in_words
from mixvllm.settings.layers import Place, Value
from mixvllm.settings.schema import PROFILE_VERSION, Node
from mixvllm.settings.secrets import hides_path
from mixvllm.settings.typed import typed

_BOUNDS = {
    "greater_than": ("gt", "above {}"),
    "greater_than_equal": ("ge", "{} or more"),
    "less_than": ("lt", "below {}"),
    "less_than_equal": ("le", "{} or less"),
}


def _kind(value: Value) -> str:
    names = {
        bool: "true or false", int: "an integer", float: "a number", list: "a list",
        dict: "a mapping", type(None): "nothing (null)",
    }  # fmt: skip
    return names.get(type(value), "a string")


def _place(path: KeyPath, places: Mapping[KeyPath, Place]) -> tuple[KeyPath, Place | None]:
    """The nearest known place at or above a path."""
    while path and path not in places:
        path = path[:-1]
    return path, places.get(path)


def _at(values: Mapping[str, Value], path: KeyPath) -> Value:
    """The value at a path, through lists too."""
    here: Value = values
    for part in path:
        if isinstance(part, int) and isinstance(here, list) and part < len(here):
            here = here[part]
        elif isinstance(here, Mapping):
            here = here.get(str(part))
        else:
            return None
    return here


def _wanted(path: KeyPath) -> Any:
    """The annotation of a leaf, of an item of it, or of a key of such an item."""
    whole = tuple(itertools.takewhile(lambda part: isinstance(part, str), path))
    field = field_at(whole)
    annotation = field.annotation if field else None
    for part in path[len(whole) :]:
        if isinstance(part, int):
            members = (annotation, *get_args(annotation))
            lists = [m for m in members if get_origin(m) is list]
            annotation = get_args(lists[0])[0] if lists else None
        elif whole == ("nodes",) and part in Node.model_fields:
            annotation = Node.model_fields[part].annotation
        else:
            return None
    return annotation


def _shorten(loc: tuple[int | str, ...], values: Mapping[str, Value]) -> KeyPath:
    """pydantic's loc without the names of union members: of a list, the item that is wrong."""
    path: KeyPath = ()
    for part in loc:
        if field_at(path) is not None:
            if isinstance(_at(values, path), list):
                items = [p for p in loc[len(path) :] if isinstance(p, int)]
                return (*path, items[0], *_below(loc, items[0])) if items else path
            if not isinstance(part, int):
                break
        path = (*path, part)
    return path


def _below(loc: tuple[int | str, ...], item: int) -> KeyPath:
    """The key in an item that is a section: the names of union members are none."""
    rest = loc[loc.index(item) + 1 :]
    return rest if len(rest) == 1 and rest[0] not in ("int", "str", "float", "bool") else ()


def diagnostics_of(
    error: ValidationError,
    values: Mapping[str, Value],
    places: Mapping[KeyPath, Place],
    already: Sequence[Diagnostic],
    file: Path,
) -> Iterator[Diagnostic]:
    """One finding for each leaf that pydantic refused, unless that leaf has one already."""
    told: set[KeyPath] = {d.key for d in already if d.severity is Severity.ERROR}
    suggested_model = any("`model`" in d.label for d in already)
    start = FileSpan(file, 1, 1, 1, 1)
    faults = error.errors(include_url=False, include_context=True, include_input=False)
    paths = [_shorten(fault["loc"], values) for fault in faults]
    for fault, path in zip(faults, paths, strict=True):
        if any(
            len(p) == len(path) + 1 and p[:-1] == path and isinstance(p[-1], int) for p in paths
        ):  # an item of the list is told instead
            continue
        if path in told or (path[:1] == ("model",) and suggested_model):
            continue
        told.add(path)
        if fault["type"] == "missing":
            yield from _missing(path, places, start)
            continue
        path, place = _place(path, places)
        origin = place.value if place else start
        yield _fault(dict(fault), path, origin, _at(values, path))


def _missing(
    path: KeyPath, places: Mapping[KeyPath, Place], start: FileSpan
) -> Iterator[Diagnostic]:
    if path in (("model",), ("model", "name")):
        if ("model", "name") in places:  # written, but its value could not be had
            return
        section = places.get(("model",))
        yield Diagnostic(
            "MX120", Severity.ERROR, "`model` is missing: there is nothing to serve",
            section.key if section else start, key=("model",),
            hint="write `model: NAME`, or give --model NAME or MIXVLLM_MODEL",
        )  # fmt: skip
        return
    _, place = _place(path, places)
    yield Diagnostic(
        "MX120", Severity.ERROR, f"`{dotted(path)}` is missing", place.key if place else start,
        key=path,
    )  # fmt: skip


def _fault(fault: dict[str, Any], path: KeyPath, origin: Origin, value: Value) -> Diagnostic:
    key = dotted(path)
    kind, context = fault["type"], fault.get("ctx", {})
    secret = hides_path(path)

    def say(code: str, message: str, *, label: str = "", fix: str | None = None) -> Diagnostic:
        edit = Fix(origin, fix) if fix is not None and isinstance(origin, FileSpan) else None
        return Diagnostic(code, Severity.ERROR, message, origin, key=path, label=label, fix=edit)

    if path == ("version",) and kind == "less_than_equal":
        return say(
            "MX130", f"profile version {value} is not known here; the newest known is"
            f" {PROFILE_VERSION}", label=f"write {PROFILE_VERSION}, or use a newer mixvllm",
        )  # fmt: skip
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        limit = words.format(context.get(bound))
        what = "this" if secret else f"{value}"
        return say("MX111", f"`{key}` is {what}; it must be {limit}", label=limit)
    if kind == "value_error":
        text = str(context.get("error", fault["msg"]))
        code = "MX112" if text.startswith("not a duration") else "MX113"
        return say(code, f"`{key}`: {text}", label=_nearest_amount(str(value), code))
    if kind == "string_unicode":
        return say("MX110", f"`{key}` holds bytes that are not UTF-8 text")
    if kind == "string_too_short":
        return say("MX111", f"`{key}` is empty", label="write a value, or take the key out")
    annotation = _wanted(path)
    wanted = type_in_words(annotation) if annotation is not None else "another type"
    if kind == "literal_error" and "list" not in wanted:
        return say("MX114", f"`{key}` is {value!r}; it takes {context.get('expected')}")
    message = f"`{key}` takes {wanted}, this is {_kind(value)}"
    if secret:
        return say("MX110", message, label="write the text itself, in quotes")
    glued = re.fullmatch(r"(\S+?)(#.*)", value) if isinstance(value, str) else None
    if glued and annotation and not isinstance(typed(glued[1], annotation), str):
        fix = f"{glued[1]} {glued[2]}"
        return Diagnostic(
            "MX023", Severity.ERROR, f"{message}; a comment needs a space before '#'", origin,
            key=path, label=f"write `{fix}`",
            fix=Fix(origin, fix) if isinstance(origin, FileSpan) else None,
        )  # fmt: skip
    if isinstance(value, list) and len(value) == 1 and "list" not in wanted:
        return say("MX110", message, label=f"write `{value[0]}`", fix=str(value[0]))
    short = isinstance(value, str | int) and not isinstance(value, bool) and len(str(value)) < 80
    if "list" in wanted and short and not str(value).lstrip().startswith("["):
        return say("MX110", message, label=f"write `[{value}]`", fix=f"[{value}]")
    return say("MX110", message)


def _nearest_amount(text: str, code: str) -> str:
    """``10 minuts`` was meant as ``10m``: the number with the unit its first letter names."""
    match = re.match(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z])", text)
    if match is None:
        return "write e.g. 90s or 10m" if code == "MX112" else "write e.g. 20GiB"
    number, letter = match[1], match[2].lower()
    if code == "MX112":
        return f"did you mean `{number}{letter}`?" if letter in "smhd" else "write e.g. 90s or 10m"
    unit = {"k": "KiB", "m": "MiB", "g": "GiB", "t": "TiB"}.get(letter)
    return f"did you mean `{number}{unit}`?" if unit else "write e.g. 20GiB"
