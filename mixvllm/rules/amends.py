"""Fixes of more than one word: an entry written anew, or a line taken out."""

from mixvllm.core.diagnostic import Applicability, Fix
from mixvllm.core.origin import FileSpan, Origin
from mixvllm.rules.base import Facts
from mixvllm.settings.edit import flow
from mixvllm.settings.engine import EngineSetting
from mixvllm.settings.layers import Place
from mixvllm.settings.tree import lines_of
from mixvllm.settings.written import written
from mixvllm.vllm.moves import Writes


def entry(place: Place, text: str) -> Fix | None:
    """The key and its value, both on one line, as ``text``; None where they are not."""
    key, value = place.key, place.value
    if (
        not isinstance(key, FileSpan)
        or not isinstance(value, FileSpan)
        or (key.path, key.line, key.line) != (value.path, value.line, value.end_line)
    ):
        return None
    span = FileSpan(key.path, key.line, key.column, value.line, value.end_column, key.included_by)
    return Fix(span, text)


def line_out(facts: Facts, place: Place) -> Fix | None:
    """The line taken out, with its comment: for a person to decide. None where the entry
    shares its lines.
    """
    whole = entry(place, "")
    if whole is None:
        return None
    span = whole.span
    line = lines_of(facts.resolved.texts[span.path])[span.line - 1]
    rest = line[span.end_column - 1 :].strip()
    if line[: span.column - 1].strip() or (rest and not rest.startswith("#")):
        return None
    gone = FileSpan(span.path, span.line, 1, span.line + 1, 1, span.included_by)
    return Fix(gone, "", Applicability.UNSAFE)


def moved(facts: Facts, setting: EngineSetting, writes: Writes | None) -> Fix | None:
    """The option that says the same now; or, where none is needed, the line taken out."""
    if writes is None:
        return None
    if not writes:
        return line_out(facts, setting.place)
    (path, value), *more = writes.items()
    if more or len(path) > 1:
        return None
    key = setting.place.key
    name = in_its_manner(facts, key, path[0])
    if value == setting.value:
        return Fix(key, name) if isinstance(key, FileSpan) else None
    return entry(setting.place, f"{name}: {flow(value)}")


def in_its_manner(facts: Facts, key: Origin, name: str) -> str:
    """A name of vLLM's as the key that it takes the place of is spelt: with ``-`` or ``_``."""
    old = (written(facts.resolved.texts, key) or "").strip("'\"-")
    return name.replace("-", "_") if "_" in old and "-" not in old else name
