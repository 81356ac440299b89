"""A profile file, with all that it extends, as one layer: each file over those it extends."""

from collections.abc import Mapping as MappingType
from pathlib import Path
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.core.errors import MachineFault
from mixvllm.core.origin import FileSpan, KeyPath, dotted
from mixvllm.settings.hidden import secret_scalars
from mixvllm.settings.interpolate import has_interpolation, interpolate
from mixvllm.settings.layers import Layer, Place, get, merge, merge_places
from mixvllm.settings.paths import local_path
from mixvllm.settings.profile_file import near_file, read_bytes
from mixvllm.settings.profile_layer import ProfileLayer
from mixvllm.settings.tree import (
    UNAVAILABLE,
    Entry,
    Scalar,
    Sequence,
)
from mixvllm.settings.walker import Walker
from mixvllm.settings.yaml import MAX_BYTES, parse_profile

MAX_FILES: Final = 64  # that one profile is made of, each as often as it is laid over another
MAX_IN_ALL: Final = MAX_BYTES  # of them together, before another one is laid over them


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
    into.size += len(raw)
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
    walker = Walker(environ, into)
    layer = walker.layer(parsed.root)
    _lay(layer, into)


def _bases(entry: Entry, into: ProfileLayer) -> tuple[Scalar, ...]:
    nodes = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
    nodes = tuple(n for n in nodes if not isinstance(n, Scalar) or n.tag != UNAVAILABLE)
    names = tuple(n for n in nodes if isinstance(n, Scalar) and isinstance(n.value, str) and n.text)
    into.diagnostics.extend(
        Diagnostic(
            "MX110",
            Severity.ERROR,
            "`extends` takes a file name, or a list of them",
            node.span,
            key=("extends",),
        )
        for node in nodes
        if node not in names
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
    if into.loads >= MAX_FILES or into.size > MAX_IN_ALL:
        if not into.is_too_much:  # once is enough
            into.is_too_much = True
            most = f"{MAX_FILES} files" if into.size <= MAX_IN_ALL else f"{MAX_IN_ALL // 1024} KiB"
            into.diagnostics.append(
                Diagnostic(
                    "MX501",
                    Severity.ERROR,
                    f"`extends` brings in more than {most}",
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
                label=f"did you mean `{meant}`?" if (meant := near_file(path, text)) else "",
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
    if any(d.code == "MX110" and d.key == path for d in low.diagnostics):
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
