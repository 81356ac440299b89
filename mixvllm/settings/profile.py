"""A profile file, with all that it extends, as one layer.

The structure is checked here, key by key, because only here is every place known: unknown
keys, keys in the wrong section, one key in two spellings, sections that are no mapping.
Types and ranges are pydantic's business (:mod:`mixvllm.settings.resolve`).
"""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args, get_origin

from mixvllm.core.diagnostic import Diagnostic, Fix, Related, Severity
from mixvllm.core.errors import MachineFault
from mixvllm.core.origin import FileSpan, KeyPath, dotted
from mixvllm.settings import traps
from mixvllm.settings.fields import FREE_FORM, field_at, keys_of, option_name
from mixvllm.settings.hidden import secret_scalars
from mixvllm.settings.interpolate import Untyped, has_interpolation, interpolate
from mixvllm.settings.layers import Layer, Place, Value, get, merge, merge_places
from mixvllm.settings.paths import local_path
from mixvllm.settings.secrets import hides, hides_path
from mixvllm.settings.tree import (
    UNAVAILABLE,
    Entry,
    Mapping,
    Node,
    Scalar,
    Sequence,
    kind_in_words,
    plain_value,
)
from mixvllm.settings.typed import typed
from mixvllm.settings.unknown import unknown_key
from mixvllm.settings.yaml import MAX_BYTES, ParsedText, parse_profile

MAX_FILES: Final = 64  # that one profile is made of, each as often as it is laid over another


@dataclass(slots=True)
class ProfileLayer(Layer):
    """The layer of a profile; ``texts`` holds every file's text, for showing lines of it."""

    path: Path = field(default_factory=Path)
    texts: dict[Path, str] = field(default_factory=dict)
    hidden: list[FileSpan] = field(default_factory=list)  # places of secrets
    words: set[str] = field(default_factory=set)  # the secrets themselves, never shown
    read: dict[Path, tuple[bytes, ParsedText]] = field(default_factory=dict, repr=False)
    loads: int = 0
    readable: bool = True  # False: no tree, so nothing can be said about missing keys


def read_bytes(path: Path) -> bytes:
    """A profile's bytes. Raises MachineFault when there is no readable regular file."""
    try:
        if path.is_dir():
            raise MachineFault(
                f"{path} is a folder, not a profile",
                hint=f"name a file in it, e.g. {path}/NAME.yaml",
            )
        if path.exists() and not path.is_file():
            raise MachineFault(f"{path} is not a regular file", hint="a profile is a YAML file")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise MachineFault(f"there is no file {path}", hint=_near_files(path)) from None
    except OSError as error:
        raise MachineFault(
            f"{path} cannot be read: {error.strerror}", hint="check its permissions"
        ) from None
    except ValueError:  # a NUL in the name
        raise MachineFault(f"{str(path)!r} is not a file name", hint="check the path") from None


def _near_files(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder} either"
    names = sorted(p.name for p in folder.glob("*.y*ml") if p.is_file())[:5]
    return f"in {folder}: {', '.join(names)}" if names else "check the path"


def read_profile(path: Path, environ: MappingType[str, str]) -> ProfileLayer:
    """Read a profile and what it extends. Raises MachineFault when ``path`` cannot be read."""
    return profile_from(read_bytes(path), path, environ)


def profile_from(raw: bytes, path: Path, environ: MappingType[str, str]) -> ProfileLayer:
    """The same for bytes already read; ``path`` names them and anchors relative paths."""
    layer = ProfileLayer(name="profile", path=path)
    _load(raw, path, None, environ, layer, chain=(), extended_at=None)
    return layer


def _load(
    raw: bytes,
    path: Path,
    included_by: FileSpan | None,
    environ: MappingType[str, str],
    into: ProfileLayer,
    *,
    chain: tuple[Path, ...],
    extended_at: FileSpan | None,
) -> None:
    """Lay a file, after the files it extends, over what ``into`` holds."""
    into.loads += 1
    parsed = into.read[path][1] if path in into.read else parse_profile(raw, path, included_by)
    if path not in into.read:
        into.read[path] = raw, parsed
        into.texts[path] = raw.decode("utf-8-sig", "replace")
        into.diagnostics.extend(parsed.diagnostics)
        for scalar in () if parsed.root is None else secret_scalars(parsed.root):
            into.hidden.append(scalar.span)
            into.words.add(scalar.text)
    if parsed.root is None:
        into.readable = False
        return
    extends = parsed.root.find("extends")
    if extends is not None:
        for base in _bases(extends, into):
            _extend(base, path, environ, into, chain=(*chain, _real(path)), first=extended_at)
    walker = _Walker(environ, into)
    layer = walker.layer(parsed.root)
    _lay(layer, into)


def _bases(entry: Entry, into: ProfileLayer) -> tuple[Scalar, ...]:
    nodes = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
    nodes = tuple(n for n in nodes if not isinstance(n, Scalar) or n.tag != UNAVAILABLE)
    names = tuple(n for n in nodes if isinstance(n, Scalar) and isinstance(n.value, str) and n.text)
    if len(names) < len(nodes):
        into.diagnostics.append(
            Diagnostic(
                "MX110",
                Severity.ERROR,
                "`extends` takes a file name, or a list of them",
                entry.value.span,
                key=("extends",),
            )
        )
    return names


def _extend(
    name: Scalar,
    from_path: Path,
    environ: MappingType[str, str],
    into: ProfileLayer,
    *,
    chain: tuple[Path, ...],
    first: FileSpan | None,
) -> None:
    text: str = name.text
    if has_interpolation(name):
        filled = interpolate(name, environ)
        into.diagnostics.extend(filled.diagnostics)
        if filled.text is None:
            return
        text = filled.text
    path = local_path(text, from_path.parent)
    first = first or name.span
    if into.loads >= MAX_FILES:
        if into.loads == MAX_FILES:  # once is enough
            into.loads += 1
            into.diagnostics.append(
                Diagnostic(
                    "MX501",
                    Severity.ERROR,
                    f"`extends` brings in more than {MAX_FILES} files",
                    name.span,
                    key=("extends",),
                    hint="a file that several others extend counts each time",
                )
            )
        return
    if _real(path) in chain:
        names = " -> ".join(p.name for p in (*chain, path))
        into.diagnostics.append(
            Diagnostic(
                "MX501",
                Severity.ERROR,
                f"`extends` runs in a cycle: {names}",
                name.span,
                key=("extends",),
                hint="take this entry out",
                related=() if first == name.span else (Related(first, "starts here"),),
            )
        )
        return
    try:
        raw = into.read[path][0] if path in into.read else read_bytes(path)
    except MachineFault as fault:
        into.diagnostics.append(
            Diagnostic(
                "MX500",
                Severity.ERROR,
                str(fault),
                name.span,
                key=("extends",),
                hint=f"{fault.hint}; `extends` is relative to {from_path.name}'s folder",
            )
        )
        return
    _load(raw, path, name.span, environ, into, chain=chain, extended_at=first)


def _real(path: Path) -> Path:
    """The path without symbolic links, as far as they can be followed."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, a NUL, no working folder
        return path


def _lay(high: Layer, into: ProfileLayer) -> None:
    """``high`` over ``into``, in place."""
    for path, place in list(high.places.items()):
        _clash(path, place, high, into)
    places, lost = merge_places(into.places, into.values, high)
    for loser in lost:
        into.lose(loser.key, loser)
    into.values = merge(into.values, high.values)
    into.places = places
    into.diagnostics.extend(high.diagnostics)


def _clash(path: KeyPath, place: Place, high: Layer, low: ProfileLayer) -> None:
    if path not in low.places or not all(isinstance(part, str) for part in path):
        return
    old, new = get(low.values, path), get(high.values, path)
    if old is None or new is None or isinstance(old, dict) == isinstance(new, dict):
        return
    there = low.places[path].key
    file = there.path if isinstance(there, FileSpan) else there
    was, now = ("a mapping", "a value") if isinstance(old, dict) else ("a value", "a mapping")
    high.diagnostics = [d for d in high.diagnostics if d.key != path or d.code != "MX110"]
    high.diagnostics.append(
        Diagnostic(
            "MX502",
            Severity.ERROR,
            f"`{dotted(path)}` is {was} in {file}, here it is {now}",
            place.value,
            key=path,
            related=(Related(there, f"{was.removeprefix('a ')} here"),),
        )
    )


class _Walker:
    """Turns one tree into a layer, by the schema."""

    def __init__(self, environ: MappingType[str, str], profile: ProfileLayer) -> None:
        self._environ = environ
        self._profile = profile
        self._layer = Layer("profile")

    def layer(self, root: Mapping) -> Layer:
        self._section(root, ())
        return self._layer

    def _say(self, found: Diagnostic) -> None:
        self._layer.diagnostics.append(found)

    def _section(self, node: Mapping, at: KeyPath) -> None:
        seen: dict[str, Scalar] = {}
        above: Entry | None = None
        for entry in node.entries:
            name = entry.key.text.replace("-", "_")
            if not at and (entry.key.text.startswith("x-") or name == "extends"):
                above = entry
                continue
            if name in seen:
                what = f"key `{name}` in two spellings"
                self._say(_twice(what, entry.key, seen[name], (*at, name)))
                continue
            seen[name] = entry.key
            if name in keys_of(at):
                self._known(entry, (*at, name))
            else:
                self._unknown(entry, at, above)
            above = entry

    def _unknown(self, entry: Entry, at: KeyPath, above: Entry | None) -> None:
        key = entry.key
        ascii_name = traps.without_lookalikes(key.text)
        if ascii_name != key.text:
            self._say(traps.lookalike(key, ascii_name, (*at, key.text)))
            return
        section = () if above is None or at else keys_of((above.key.text.replace("-", "_"),))
        if above is not None and _is_empty(above.value) and key.text.replace("-", "_") in section:
            self._layer.diagnostics = [
                d for d in self._layer.diagnostics if d.origin != above.key.span
            ]
            self._say(
                Diagnostic(
                    "MX025",
                    Severity.ERROR,
                    f"`{key.text}` belongs to `{above.key.text}` above: it is not indented",
                    key.span,
                    key=(*at, key.text),
                    label="indent by two spaces",
                    related=(Related(above.key.span, "this section is empty"),),
                )
            )
            return
        self._say(unknown_key(key.text, at, key.span))

    def _known(self, entry: Entry, path: KeyPath) -> None:
        field = field_at(path)
        node = entry.value
        if isinstance(node, Scalar) and node.tag == UNAVAILABLE:
            leaf = ("model", "name") if path == ("model",) else path
            self._layer.put(leaf, Unavailable, Place(entry.key.span, node.span))
            return
        if path == ("model",) and isinstance(node, Scalar) and not _is_empty(node):
            self._leaf(node, ("model", "name"), Place(entry.key.span, node.span), str)
            return
        if field is not None and path not in FREE_FORM:
            self._leaf(node, path, Place(entry.key.span, node.span), field.annotation)
            return
        if _is_empty(node):
            self._say(
                Diagnostic(
                    "MX026",
                    Severity.WARNING,
                    f"empty section `{entry.key.text}`: {self._left(path)}",
                    entry.key.span,
                    key=path,
                    label="take it out, or write what it should hold",
                )
            )
        elif isinstance(node, Scalar) and (glued := _glued_colon(node, path)):
            self._say(glued)
        elif not isinstance(node, Mapping):
            self._layer.put(path, _plain(node), Place(entry.key.span, node.span))
            self._say(
                Diagnostic(
                    "MX110",
                    Severity.ERROR,
                    f"`{dotted(path)}` takes a mapping, this is {kind_in_words(node)}",
                    node.span,
                    key=path,
                    label="write its keys below it, indented",
                )
            )
        else:
            self._layer.places[path] = Place(entry.key.span, entry.key.span)
            if path in FREE_FORM:
                self._free_form(node, path)
            else:
                self._section(node, path)

    def _left(self, path: KeyPath) -> str:
        """What an empty section leaves as it was."""
        below = any(other[: len(path)] == path for other in self._profile.places)
        return "what it extends stays as it is" if below else "its defaults are used"

    def _free_form(self, node: Mapping, path: KeyPath) -> None:
        """``vllm.args`` and ``vllm.env``: any key; options in kebab case."""
        is_args = path[-1] == "args"
        seen: dict[str, Scalar] = {}
        for entry in node.entries:
            written = entry.key.text
            ascii_name = traps.without_lookalikes(written)
            if ascii_name != written:
                self._say(traps.lookalike(entry.key, ascii_name, (*path, written)))
                continue
            name = option_name(written) if is_args else written
            if name in seen:
                what = f"option `{name}` twice"
                self._say(_twice(what, entry.key, seen[name], (*path, name)))
                continue
            seen[name] = entry.key
            self._leaf(entry.value, (*path, name), Place(entry.key.span, entry.value.span), None)

    def _leaf(self, node: Node, path: KeyPath, place: Place, annotation: Any) -> None:
        self._layer.diagnostics.extend(traps.of(node, path))
        self._layer.put(path, self._value(node, path, place, annotation), place)

    def _value(self, node: Node, path: KeyPath, place: Place, annotation: Any) -> Value:
        """A node as plain Python, noting the place of everything below it."""
        self._layer.places[path] = place
        match node:
            case Sequence(items=items):
                inner = _of_items(annotation)
                return [
                    self._value(item, (*path, i), Place(item.span, item.span), inner)
                    for i, item in enumerate(items)
                ]
            case Mapping(entries=entries):
                return {
                    entry.key.text: self._value(
                        entry.value,
                        (*path, entry.key.text),
                        Place(entry.key.span, entry.value.span),
                        _AS_YAML,
                    )
                    for entry in entries
                }
            case Scalar(tag="unavailable"):
                return Unavailable
            case Scalar() if has_interpolation(node):
                filled = interpolate(node, self._environ, secret=hides_path(path))
                self._layer.diagnostics.extend(filled.diagnostics)
                if filled.text is None:
                    return Unavailable
                if not node.plain:
                    return str(filled.text)
                if annotation is _AS_YAML:
                    return plain_value(str(filled.text))
                return filled.text if annotation is None else typed(filled.text, annotation)
            case Scalar():
                return node.value


def _of_items(annotation: Any) -> Any:
    """What the items of a list are to be."""
    for member in (annotation, *get_args(annotation)):
        if get_origin(member) is list:
            return get_args(member)[0]
    return _AS_YAML


class _Unavailable:
    """A value that could not be had; the finding is already there, so say nothing more."""

    def __repr__(self) -> str:
        return "unavailable"


Unavailable: Final = _Unavailable()
_AS_YAML: Final = object()  # no type is known: a word means what YAML says


def _is_empty(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _plain(node: Node) -> Value:
    match node:
        case Scalar():
            return Untyped(node.text)
        case Sequence(items=items):
            return [_plain(item) for item in items]
        case Mapping(entries=entries):
            return {entry.key.text: _plain(entry.value) for entry in entries}


def _glued_colon(node: Scalar, path: KeyPath) -> Diagnostic | None:
    """``port:8000`` as the only thing in a section: YAML reads one word."""
    key, colon, value = node.text.partition(":")
    if not node.plain or not colon or not value or not key.replace("-", "_").isidentifier():
        return None
    secret = hides(key) or hides_path(path)
    fix = f"{key}: {'...' if secret else value}"
    return Diagnostic(
        "MX024", Severity.ERROR, "a space after ':' is missing", node.span, key=path,
        label=f"write `{fix}`", fix=None if secret else Fix(node.span, fix),
    )  # fmt: skip


def _twice(what: str, key: Scalar, first: Scalar, path: KeyPath) -> Diagnostic:
    return Diagnostic(
        "MX004", Severity.ERROR, f"the same {what}", key.span,
        key=path, label="and again here", hint="keep one of the two",
        related=(Related(first.span, "first set here"),),
    )  # fmt: skip
