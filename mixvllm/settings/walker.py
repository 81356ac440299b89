"""One file's tree as a layer, by the schema.

The structure is checked here, key by key, because only here is every place known: unknown
keys, keys in the wrong section, one key in two spellings, sections that are no mapping.
Types and ranges are pydantic's business (:mod:`mixvllm.settings.resolve`).
"""

import re
from collections.abc import Mapping as MappingType
from dataclasses import replace
from typing import Any, Final, get_args, get_origin

from mixvllm.core.diagnostic import Diagnostic, Fix, Related, Severity
from mixvllm.core.origin import KeyPath, dotted
from mixvllm.settings import traps
from mixvllm.settings.fields import FREE_FORM, field_at, keys_of, option_name
from mixvllm.settings.interpolate import Untyped, has_interpolation, interpolate
from mixvllm.settings.layers import Layer, Place, Value
from mixvllm.settings.profile_layer import ProfileLayer
from mixvllm.settings.secrets import hides, hides_path, is_reference
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
from mixvllm.settings.unavailable import Unavailable
from mixvllm.settings.unknown import unknown_key
from mixvllm.settings.written import is_filled_in, written
from mixvllm.vllm.options import newest, options_of

_ANCHOR: Final = re.compile(r"[\s\[{,]&[\w-]")
_AS_YAML: Final = object()  # no type is known: a word means what YAML says


class Walker:
    """Turns one tree into a layer, by the schema."""

    def __init__(self, environ: MappingType[str, str], profile: ProfileLayer) -> None:
        self._environ = environ
        self._profile = profile
        self._layer = Layer("profile")

    def layer(self, root: Mapping) -> Layer:
        """The layer of the whole file."""
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
            elif above is not None and _takes(above, entry.key, at):
                self._dedented(entry.key, at, above)
                continue  # what follows may belong there too
            else:
                self._unknown(entry, at)
            above = entry

    def _dedented(self, key: Scalar, at: KeyPath, above: Entry) -> None:
        """A key that the section above has, and this one has not."""
        is_empty = _is_empty(above.value)
        if self._layer.diagnostics and self._layer.diagnostics[-1].origin == above.key.span:
            self._layer.diagnostics.pop()  # that it is empty
        self._say(
            Diagnostic(
                "MX025",
                Severity.ERROR,
                f"`{key.text}` belongs to `{above.key.text}` above: it is not indented",
                key.span,
                key=(*at, key.text),
                label="indent by two spaces" if is_empty else "indent it like the keys above",
                related=(
                    Related(above.key.span, f"this section {'is empty' if is_empty else 'has it'}"),
                ),
            )
        )

    def _unknown(self, entry: Entry, at: KeyPath) -> None:
        key = entry.key
        ascii_name = traps.without_lookalikes(key.text)
        if ascii_name != key.text:
            self._say(traps.lookalike(key, ascii_name, (*at, key.text)))
            return
        is_scalar = isinstance(entry.value, Scalar) and not _is_empty(entry.value)
        anchors = self._holds_anchors(entry)
        self._say(unknown_key(key.text, at, key.span, holds_anchors=anchors, is_scalar=is_scalar))
        is_name = key.text.replace("-", "_").isidentifier() and hides(key.text)
        if is_name and isinstance(entry.value, Scalar) and not _is_empty(entry.value):
            self._plain_secret(entry.value, (*at, key.text))

    def _plain_secret(self, node: Scalar, path: KeyPath) -> None:
        """A secret is one under a misspelt key too; MX600 of the rules sees known keys only."""
        text = written(self._profile.texts, node.span) or ""
        if not node.text.strip() or is_filled_in(text) or is_reference(text):
            return
        instead = "server.api_key_file" if path[0] == "server" else "${file:PATH} or ${env:NAME}"
        self._say(
            Diagnostic(
                "MX600", Severity.WARNING, "a secret stands in plain text in the profile",
                node.span, key=path, label=f"use {instead}",
            )
        )  # fmt: skip

    def _holds_anchors(self, entry: Entry) -> bool:
        """Whether aliases may stand for what is below this key."""
        begin, end = entry.key.span, entry.value.span
        if end.line < begin.line:  # an alias: the value stands elsewhere
            return False
        span = replace(begin, end_line=end.end_line, end_column=end.end_column)
        return _ANCHOR.search(written(self._profile.texts, span) or "") is not None

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
        if path == ("model",) and _is_empty(node):
            self._layer.places[path] = Place(entry.key.span, entry.key.span)  # see MX120
        elif _is_empty(node):
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
                    hint=f"its keys: {', '.join(keys)}" if (keys := keys_of(path)) else "",
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
                self._profile.words.update(filled.secrets)
                self._profile.unseen.extend((node.span, text) for text in filled.unseen)
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


def _takes(above: Entry, key: Scalar, at: KeyPath) -> bool:
    """Whether the section above, empty or of several lines, is one that has this key."""
    path = (*at, above.key.text.replace("-", "_"))
    if not _is_empty(above.value) and not (
        isinstance(above.value, Mapping) and above.key.span.line < above.value.span.line
    ):
        return False
    if path == ("vllm", "args"):
        return options_of(newest()).find(key.text) is not None
    if path == ("vllm", "env"):
        return key.text.startswith("VLLM_")
    return key.text.replace("-", "_") in keys_of(path)


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
