"""``${env:NAME}`` and ``${file:PATH}``: one pass over the profile's own text.

What a variable or a file holds is never looked at again, so a secret with a ``$`` in it
arrives as it is.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Fix, Severity
from mixvllm.core.origin import FileSpan
from mixvllm.core.regular_file import read_beginning
from mixvllm.settings.paths import local_path
from mixvllm.settings.secrets import hides
from mixvllm.settings.tree import Scalar

_OPEN: Final = re.compile(r"\$\{(?P<kind>env|file):")
_ENV: Final = re.compile(r"(?P<name>[A-Za-z_]\w*)(?:(?P<sign>:-|:\?)(?P<rest>.*))?", re.DOTALL)
_LONE_NAME: Final = re.compile(r"[\w./~-]+")  # of a variable, or of a file
_MAX_FILE: Final = 64 * 1024  # a key or a name, not a data set


class Untyped(str):
    """Text that did not come from YAML: what it means is decided by where it goes."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A scalar's final text (None when it could not be had) and what was found.

    ``secrets`` came from variables of a secret's name; ``unseen`` are those and what came from
    files, which hold secrets as a rule: what stands in no profile is not repeated by a finding.
    """

    text: Untyped | None
    diagnostics: tuple[Diagnostic, ...] = ()
    secrets: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


def has_interpolation(scalar: Scalar) -> bool:
    """Whether the text holds something to fill in; a lone ``$`` is just a dollar."""
    return _OPEN.search(scalar.text) is not None


def interpolate(
    scalar: Scalar, environ: Mapping[str, str], *, secret: bool = False
) -> Interpolated:
    """Fill in a scalar's text. Files are read relative to the profile's folder.

    ``secret``: the key's value is one, so that what was written is not repeated.
    """
    text = scalar.text
    pieces: list[str] = []
    found: list[Diagnostic] = []
    secrets: list[str] = []
    unseen: list[str] = []
    at = 0
    while opening := _OPEN.search(text, at):
        pieces.append(text[at : opening.start()])
        end = text.find("}", opening.end())
        if end < 0:
            span = _inside(scalar, opening.start(), opening.end() - opening.start())
            message = f"`{opening[0]}` is never closed"
            ends = _inside(scalar, len(text), 0)
            sure = _LONE_NAME.fullmatch(text[opening.end() :]) and ends != scalar.span
            fix = Fix(ends, "}") if sure else None
            found.append(_error("MX512", message, span, label="write `}` where it ends", fix=fix))
            return Interpolated(None, tuple(found))
        body = text[opening.end() : end]
        if "${" in body:
            span = _inside(scalar, opening.start(), len(text) - opening.start())
            message = f"`{opening[0]}` holds another `${{`: one cannot stand in the other"
            hint = "write the default out, or set the variable"
            found.append(_error("MX512", message, span, hint=hint))
            return Interpolated(None, tuple(found))
        whole = _inside(scalar, opening.start(), end + 1 - opening.start())
        name_span = _inside(scalar, opening.end(), len(body.split(":")[0]))
        value = (
            _from_env(body, environ, whole, name_span, secret=secret)
            if opening["kind"] == "env"
            else _from_file(body, scalar.span.path.parent, whole)
        )
        if isinstance(value, Diagnostic):
            found.append(value)
        else:
            pieces.append(value)
            is_secret = opening["kind"] == "env" and hides(body.split(":")[0])
            secrets += [value] if is_secret else []
            unseen += [value] if is_secret or opening["kind"] == "file" else []
        at = end + 1
    pieces.append(text[at:])
    filled = None if found else Untyped("".join(pieces))
    return Interpolated(filled, tuple(found), tuple(secrets), tuple(unseen))


def _from_env(
    body: str, environ: Mapping[str, str], whole: FileSpan, name_span: FileSpan, *, secret: bool
) -> str | Diagnostic:
    match = _ENV.fullmatch(body)
    if match is None:
        what = "this" if secret else f"`{body}`"
        return _error(
            "MX510", f"{what} is not a variable's name", whole,
            hint="write ${env:NAME}, ${env:NAME:-default} or ${env:NAME:?message}",
        )  # fmt: skip
    name, sign, rest = match["name"], match["sign"], match["rest"]
    value = environ.get(name)
    if value is not None and not is_text(value):
        return _error("MX510", f"the variable {name} holds bytes that are not UTF-8", name_span)
    if value is not None and (value or sign is None):
        return value
    if sign == ":-":
        return str(rest)
    if sign == ":?":
        return _error("MX511", f"{name} is not set: {rest}", whole, hint=f"export {name}=...")
    near = difflib.get_close_matches(name, list(environ), n=1, cutoff=0.7)
    return _error(
        "MX510", f"the variable {name} is not set", name_span,
        label=f"did you mean `{near[0]}`?" if near else "",
        hint=f"export {name}=..., or give a default: ${{env:{name}:-value}}",
    )  # fmt: skip


def is_text(text: str) -> bool:
    """Whether it can be written as UTF-8: no half of a surrogate pair, no stray bytes."""
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def _from_file(body: str, folder: Path, whole: FileSpan) -> str | Diagnostic:
    path = local_path(body, folder)
    try:
        if not path.is_file():
            return _error("MX513", f"{path} is not a file", whole, hint="mend the path")
        raw = read_beginning(path, at_most=_MAX_FILE + 1)
        if len(raw) > _MAX_FILE:
            return _error("MX513", f"{path} is larger than {_MAX_FILE // 1024} KiB", whole)
        return raw.decode("utf-8").rstrip("\r\n")
    except OSError as error:
        why = f"cannot be read: {error.strerror}" if error.strerror else str(error)
        return _error("MX513", f"{path} {why}", whole)
    except ValueError:
        return _error("MX513", f"{path} is not UTF-8 text", whole)


def _inside(scalar: Scalar, offset: int, width: int) -> FileSpan:
    """A stretch of a scalar; the whole scalar where text and place do not run in step."""
    span = scalar.span
    quote = 0 if scalar.plain else 1
    if span.line != span.end_line or span.end_column - span.column != len(scalar.text) + 2 * quote:
        return span
    start = span.column + quote + offset
    return FileSpan(span.path, span.line, start, span.line, start + width, span.included_by)


def _error(
    code: str,
    message: str,
    span: FileSpan,
    *,
    label: str = "",
    hint: str = "",
    fix: Fix | None = None,
) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, span, label=label, hint=hint, fix=fix)
