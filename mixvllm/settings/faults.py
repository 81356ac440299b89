"""pydantic's complaints, pointed at the operator's own text.

What pydantic saw is never repeated from its message (it may be a secret under a wrong key);
the value shown is taken from our tree, and only where the key is not a secret.
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import ValidationError

from mixvllm.core.diagnostic import Diagnostic, Fix, Severity
from mixvllm.core.origin import FileSpan, KeyPath, Origin, dotted
from mixvllm.settings.edit import flow
from mixvllm.settings.fields import field_at, type_in_words
from mixvllm.settings.layers import Place, Value
from mixvllm.settings.schema import PROFILE_VERSION, Node
from mixvllm.settings.secrets import hides_path
from mixvllm.settings.tree import plain_value
from mixvllm.settings.typed import typed
from mixvllm.vllm.slip import is_slip

_CARDS = ("GPU-", "MIG-")  # how the names of cards begin
_LONGEST = 80  # characters of a value that is written out
_AMOUNTS = {"MX112": "write e.g. 90s or 10m", "MX113": "write e.g. 20GiB"}
_NAMES_ITS_UNIT = re.compile(  # a month is none
    r"\s*[\d.]+\s*(s(ecs?|econds?)?|m(ins?|inutes?)?|h(rs?|ours?)?|d(ays?)?)\s*", re.IGNORECASE
)
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
    suggested_model = any(
        "`model`" in d.label or (d.key[:1] == ("model",) and "`name`" in d.label) for d in already
    )
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
        return say("MX111", f"`{key}` is {what}; it must be {limit}")
    if kind == "value_error":
        text = str(context.get("error", fault["msg"]))
        code = "MX112" if text.startswith("not a duration") else "MX113"
        meant = _nearest_amount(str(value), code)
        label = f"did you mean `{meant}`?" if meant else _AMOUNTS[code]
        sure = _NAMES_ITS_UNIT.fullmatch(str(value)) if code == "MX112" else None
        return say(code, f"`{key}`: {text}", label=label, fix=meant if sure else None)
    if kind == "string_unicode":
        return say("MX110", f"`{key}` holds bytes that are not UTF-8 text")
    if kind == "string_too_short":
        return say("MX111", f"`{key}` is empty", label="write a value, or take the key out")
    annotation = _wanted(path)
    wanted = type_in_words(annotation) if annotation is not None else "another type"
    if kind == "literal_error" and "list" not in wanted:
        message = f"`{key}` is {value!r}; it takes {context.get('expected')}"
        meant = next((w for w in get_args(annotation) if is_slip(str(value), str(w), ())), None)
        label = f"did you mean `{meant}`?" if meant else ""
        return say("MX114", message, label=label, fix=flow(meant) if meant else None)
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
    anew = _retyped(value, annotation, wanted, origin)
    return say("MX110", message, label=f"write `{anew}`" if anew else "", fix=anew)


def _retyped(value: Value, annotation: Any, wanted: str, origin: Origin) -> str | None:
    """The same value as the key takes it: without quotes, with them, as a list or as its item."""
    if isinstance(value, list):
        return flow(value[0]) if len(value) == 1 and "list" not in wanted else None
    text = str(value)
    if not isinstance(value, str | int | float) or len(text) >= _LONGEST:
        return None
    if "list" in wanted:
        return None if text.lstrip().startswith("[") else _listed(text, annotation)
    if isinstance(value, str) or value in (0, 1):
        read = typed(_share(text.strip(), annotation), annotation)
        if isinstance(read, bool):
            return flow(read)
        if isinstance(read, str) or isinstance(value, int):
            return None
        return _share(text.strip(), annotation)
    # What stands in the file is what was read, if it is as long: 1.10 is not 1.1.
    same = isinstance(origin, FileSpan) and origin.end_column - origin.column == len(text)
    return json.dumps(text) if same and "a string" in wanted and "integer" not in wanted else None


def _listed(text: str, annotation: Any) -> str | None:
    """``0,1`` and ``0-3`` as lists; a word only where any word may be an item."""
    takes_numbers = any(
        int in (member, *get_args(member)) for one in (annotation, *get_args(annotation))
        for member in get_args(one) if get_origin(one) is list
    )  # fmt: skip
    run = re.fullmatch(r"(\d{1,2})-(\d{1,2})", text.strip()) if takes_numbers else None
    if run is not None:
        return (
            flow(list(range(int(run[1]), int(run[2]) + 1))) if int(run[1]) < int(run[2]) else None
        )
    items = [plain_value(part.strip()) for part in text.split(",")]
    if takes_numbers and not all(isinstance(i, int) or str(i)[:4] in _CARDS for i in items):
        return None
    return flow(items)


def _share(text: str, annotation: Any) -> str:
    """``90 %`` as 0.9 and ``0,9`` as 0.9, where a number with a fraction is wanted."""
    if float not in (annotation, *get_args(annotation)):
        return text
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text):
        return f"{float(match[1]) / 100:g}"
    return re.sub(r"^(\d+),(\d+)$", r"\1.\2", text)


def _nearest_amount(text: str, code: str) -> str | None:
    """``10 minuts`` was meant as ``10m``: the number with the unit its first letter names."""
    match = re.match(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z])", text)
    if match is None:
        return None
    units = {"s": "s", "m": "m", "h": "h", "d": "d"}
    if code == "MX113":
        units = {"k": "KiB", "m": "MiB", "g": "GiB", "t": "TiB"}
    unit = units.get(match[2].lower())
    return match[1] + unit if unit else None
