"""A profile file, with all that it extends, as one layer.

The structure is checked here, key by key, because only here is every place known: unknown
keys, keys in the wrong section, one key in two spellings, sections that are no mapping.
Types and ranges are pydantic's business (:mod:`mixvllm.settings.resolve`).
"""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from mixvllm.core.diagnostic import Diagnostic, Fix, Related, Severity
from mixvllm.core.errors import MachineFault
from mixvllm.core.origin import FileSpan, KeyPath, dotted
from mixvllm.settings import traps
from mixvllm.settings.fields import FREE_FORM, section_of
from mixvllm.settings.interpolate import Untyped, has_interpolation, interpolate
from mixvllm.settings.layers import Layer, Place, Value, get, merge, merge_places
from mixvllm.settings.schema import Profile
from mixvllm.settings.tree import UNAVAILABLE, Entry, Mapping, Node, Scalar, Sequence, kind_in_words
from mixvllm.settings.typed import typed
from mixvllm.settings.unknown import unknown_key
from mixvllm.settings.yaml import MAX_BYTES, parse_profile

MAX_EXTENDS: Final = 32


@dataclass(slots=True)
class ProfileLayer(Layer):
    """The layer of a profile; ``texts`` holds every file's text, for showing lines of it."""

    path: Path = field(default_factory=Path)
    texts: dict[Path, str] = field(default_factory=dict)
    overridden: dict[KeyPath, list[Place]] = field(default_factory=dict)
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
    into.texts[path] = raw.decode("utf-8-sig", "replace")
    parsed = parse_profile(raw, path, included_by)
    into.diagnostics.extend(parsed.diagnostics)
    if parsed.root is None:
        into.readable = False
        return
    extends = parsed.root.find("extends")
    if extends is not None:
        for base in _bases(extends, into):
            _extend(base, path, environ, into, chain=(*chain, path.resolve()), first=extended_at)
    walker = _Walker(environ, into)
    layer = walker.layer(parsed.root)
    _lay(layer, into)


def _bases(entry: Entry, into: ProfileLayer) -> tuple[Scalar, ...]:
    nodes = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
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
    path = from_path.parent / Path(name.text).expanduser()
    first = first or name.span
    if path.resolve() in chain or len(chain) > MAX_EXTENDS:
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
        raw = read_bytes(path)
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


def _lay(high: Layer, into: ProfileLayer) -> None:
    """``high`` over ``into``, in place."""
    for path, place in list(high.places.items()):
        _clash(path, place, high, into)
    places, lost = merge_places(into.places, high)
    for path, place in lost.items():
        into.overridden.setdefault(path, []).append(place)
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
        self._section(root, Profile, ())
        return self._layer

    def _say(self, found: Diagnostic) -> None:
        self._layer.diagnostics.append(found)

    def _section(self, node: Mapping, section: type[BaseModel], at: KeyPath) -> None:
        seen: dict[str, Scalar] = {}
        above: Entry | None = None
        for entry in node.entries:
            name = entry.key.text.replace("-", "_")
            if not at and (entry.key.text.startswith("x-") or name == "extends"):
                above = entry
                continue
            if name in seen:
                self._say(_same_key_twice(name, entry.key, seen[name], at))
                continue
            seen[name] = entry.key
            info = section.model_fields.get(name)
            if info is None:
                self._unknown(entry, section, at, above)
            else:
                self._known(entry, info.annotation, (*at, name))
            above = entry

    def _unknown(
        self, entry: Entry, section: type[BaseModel], at: KeyPath, above: Entry | None
    ) -> None:
        key = entry.key
        ascii_name = traps.without_lookalikes(key.text)
        if ascii_name != key.text:
            self._say(traps.lookalike(key, ascii_name, (*at, key.text)))
            return
        if above is not None and not at and _is_empty(above.value):
            parent = section.model_fields.get(above.key.text.replace("-", "_"))
            inner = section_of(parent.annotation) if parent else None
            if inner and key.text.replace("-", "_") in inner.model_fields:
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
        self._say(unknown_key(key.text, section, at, key.span))

    def _known(self, entry: Entry, annotation: Any, path: KeyPath) -> None:
        section = section_of(annotation)
        node = entry.value
        if isinstance(node, Scalar) and node.tag == UNAVAILABLE:
            leaf = ("model", "name") if path == ("model",) else path
            self._layer.put(leaf, Unavailable, Place(entry.key.span, node.span))
            return
        if path == ("model",) and isinstance(node, Scalar) and not _is_empty(node):
            self._leaf(node, ("model", "name"), Place(entry.key.span, node.span), str)
            return
        if section is None and path not in FREE_FORM:
            self._leaf(node, path, Place(entry.key.span, node.span), annotation)
            return
        if _is_empty(node):
            self._say(
                Diagnostic(
                    "MX026",
                    Severity.WARNING,
                    f"empty section `{entry.key.text}`: its defaults are used",
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
            if section is None:
                self._free_form(node, path)
            else:
                self._section(node, section, path)

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
            name = written.replace("_", "-").lstrip("-") if is_args else written
            if name in seen:
                self._say(_same_option_twice(name, entry.key, seen[name], path))
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
                return [
                    self._value(item, (*path, i), Place(item.span, item.span), None)
                    for i, item in enumerate(items)
                ]
            case Mapping(entries=entries):
                return {
                    entry.key.text: self._value(
                        entry.value,
                        (*path, entry.key.text),
                        Place(entry.key.span, entry.value.span),
                        None,
                    )
                    for entry in entries
                }
            case Scalar(tag="unavailable"):
                return Unavailable
            case Scalar() if has_interpolation(node):
                filled = interpolate(node, self._environ)
                self._layer.diagnostics.extend(filled.diagnostics)
                if filled.text is None:
                    return Unavailable
                if not node.plain:
                    return str(filled.text)
                return filled.text if annotation is None else typed(filled.text, annotation)
            case Scalar():
                return node.value


class _Unavailable:
    """A value that could not be had; the finding is already there, so say nothing more."""

    def __repr__(self) -> str:
        return "unavailable"


Unavailable: Final = _Unavailable()


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
    fix = f"{key}: {value}"
    return Diagnostic(
        "MX024", Severity.ERROR, "a space after ':' is missing", node.span, key=path,
        label=f"write `{fix}`", fix=Fix(node.span, fix),
    )  # fmt: skip


def _same_key_twice(name: str, key: Scalar, first: Scalar, at: KeyPath) -> Diagnostic:
    return Diagnostic(
        "MX004", Severity.ERROR, f"the same key `{name}` in two spellings", key.span,
        key=(*at, name), label="and again here", hint="keep one of the two",
        related=(Related(first.span, "first set here"),),
    )  # fmt: skip


def _same_option_twice(name: str, key: Scalar, first: Scalar, at: KeyPath) -> Diagnostic:
    return Diagnostic(
        "MX004", Severity.ERROR, f"the same option `{name}` twice", key.span,
        key=(*at, name), label="and again here", hint="keep one of the two",
        related=(Related(first.span, "first set here"),),
    )  # fmt: skip
