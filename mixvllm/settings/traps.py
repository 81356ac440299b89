"""Words that YAML 1.1 and 1.2 read differently, and characters that only look right.

The profile itself is YAML 1.2, so `no` is a string and 010 is ten. Most people, and vLLM's own
loader, learned 1.1: where the two differ the operator is asked to say what is meant.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Final, get_args

from mixvllm.core.diagnostic import Applicability, Diagnostic, Fix, Severity
from mixvllm.core.origin import KeyPath
from mixvllm.settings.fields import field_at
from mixvllm.settings.secrets import hides_path
from mixvllm.settings.tree import Node, Scalar, plain_value, scalars
from mixvllm.vllm.option import Kind
from mixvllm.vllm.options import newest, options_of

_LEADING_ZERO: Final = re.compile(r"[-+]?0\d+")
_BASE_60: Final = re.compile(r"[-+]?\d[\d_]*(:[0-5]?\d)+(\.\d*)?")
_UNDERSCORES: Final = re.compile(r"[-+]?\d[\d_]*_[\d_]*(\.\d*)?")
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2212"
_QUOTES: Final = "\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb"
_SPACES: Final = "\u00a0\u2007\u202f\u3000\u200b\u2060\ufeff"
_NUMBERS: Final = (
    Kind.INTEGER, Kind.NUMBER, Kind.HUMAN_INTEGER, Kind.HUMAN_INTEGER_OR_AUTO,
)  # fmt: skip
_PLAIN: Final = str.maketrans(
    {**dict.fromkeys(_DASHES, "-"), **dict.fromkeys(_QUOTES, ""), **dict.fromkeys(_SPACES, "")}
)


def without_lookalikes(text: str) -> str:
    """The text with dashes, quotes and spaces as a keyboard writes them."""
    return text.translate(_PLAIN)


def lookalike(node: Scalar, text: str, path: KeyPath, *, safe: bool = True) -> Diagnostic:
    """A dash, quote or space that is another character than it seems; ``text`` is what to write."""
    bad = next(c for c in node.text if c in _DASHES + _QUOTES + _SPACES)
    secret = hides_path(path)
    what = "a quote" if bad in _QUOTES else "a dash" if bad in _DASHES else "a space"
    return Diagnostic(
        "MX021",
        Severity.ERROR,
        f"U+{ord(bad):04X} ({unicodedata.name(bad, 'unnamed')}) only looks like {what}",
        node.span,
        key=path,
        label="write it as a keyboard does" if secret else f"write `{text}`",
        fix=None if secret else Fix(node.span, text, _applicability(safe=safe)),
    )


def _applicability(*, safe: bool) -> Applicability:
    return Applicability.SAFE if safe else Applicability.UNSAFE


def _quoted(node: Scalar, path: KeyPath) -> Diagnostic:
    """A value in typographic quotes: those around it are taken off, and only those if sure."""
    inner = node.text[1:-1] if node.text[-1] in _QUOTES else node.text[1:]
    sure = not any(c in _QUOTES for c in inner) and len(inner) == len(node.text) - 2
    return lookalike(node, json.dumps(inner, ensure_ascii=False), path, safe=sure)


def _number(node: Scalar, path: KeyPath) -> Diagnostic | None:
    text = node.text
    if hides_path(path):
        return _secret_number(node, path)
    if _LEADING_ZERO.fullmatch(text):
        stripped = re.sub(r"^([-+]?)0+(?=\d)", r"\1", text)
        octal = text.lstrip("+-")
        old = f", {int(octal, 8)} in YAML 1.1" if re.fullmatch(r"[0-7]+", octal) else ""
        return Diagnostic(
            "MX011", Severity.ERROR, f"{text} is {stripped} in YAML 1.2{old}: say which", node.span,
            key=path, label=f'write {stripped}, or "{text}" for a string',
            fix=Fix(node.span, stripped, Applicability.UNSAFE),  # 8 may have been meant
        )  # fmt: skip
    if _BASE_60.fullmatch(text) or _UNDERSCORES.fullmatch(text):
        why = "a base-60 number" if ":" in text else "a number"
        fix = _without_underscores(node, path)
        return Diagnostic(
            "MX012", Severity.ERROR, f"{text} is {why} in YAML 1.1, a string in 1.2", node.span,
            key=path, fix=fix,
            label=f"write {fix.text}" if fix
            else f'write "{text}" for a string, or the number without `_` and `:`',
        )  # fmt: skip
    return None


def _without_underscores(node: Scalar, path: KeyPath) -> Fix | None:
    """``32_768`` where only a number can be meant."""
    digits = node.text.replace("_", "")
    numeric = isinstance(plain_value(digits), int | float) and not _LEADING_ZERO.fullmatch(digits)
    return Fix(node.span, digits) if numeric and _takes_numbers(path) else None


def _takes_numbers(path: KeyPath) -> bool:
    if path[:2] == ("vllm", "args") and len(path) == 3:
        option = options_of(newest()).find(str(path[2]))
        return option is not None and option.kind in _NUMBERS
    field = field_at(path)
    return field is not None and not {int, float}.isdisjoint(
        {field.annotation, *get_args(field.annotation)}
    )


def _secret_number(node: Scalar, path: KeyPath) -> Diagnostic | None:
    """The same two findings for a secret of digits, which is not repeated."""
    if _LEADING_ZERO.fullmatch(node.text):
        code, message = "MX011", "a number with a leading zero: YAML drops the zero"
    elif _BASE_60.fullmatch(node.text) or _UNDERSCORES.fullmatch(node.text):
        code, message = "MX012", "this is a number in YAML 1.1, a string in 1.2"
    else:
        return None
    return Diagnostic(code, Severity.ERROR, message, node.span, key=path, label="put it in quotes")


def of(node: Node, path: KeyPath) -> Iterator[Diagnostic]:
    """What is doubtful in the scalars of a value.

    Booleans of YAML 1.1 depend on the setting: see the rules.
    """
    for below, scalar in scalars(node):
        full = (*path, *below)
        shown = full if hides_path(full) else path
        if not scalar.plain:
            continue
        if scalar.text[:1] and scalar.text[0] in _QUOTES:
            yield _quoted(scalar, shown)
        found = _number(scalar, shown)
        if found is not None:
            yield found
