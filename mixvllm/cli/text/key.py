"""A key and its story for a terminal: the value, who set it, whom that overrode, what it takes."""

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from mixvllm.cli.streams import visible
from mixvllm.cli.text.findings import snippet
from mixvllm.cli.text.style import Paint, Tone
from mixvllm.core.diagnostic import Severity
from mixvllm.core.origin import FileSpan, dotted
from mixvllm.services.explain.explainer import Answer, Explained, Setter, included_at
from mixvllm.services.explain.reference import History, Reference, reference_of
from mixvllm.settings.words import in_words, variable_of
from mixvllm.vllm.option import UNSET
from mixvllm.vllm.options import known_releases

WIDTH: Final = 80
_MARGIN: Final = 11  # columns of the names of facts
_LONGEST: Final = 300  # characters of a value that are shown
_TONES: Final = {
    Severity.ERROR: Tone.BROKEN,
    Severity.WARNING: Tone.DOUBTFUL,
    Severity.INFO: Tone.NAME,
}


def key_lines(explained: Explained, texts: Mapping[Path, str], paint: Paint) -> Iterator[str]:
    """Everything that is known of one key."""
    known = reference_of(explained)
    name = visible(dotted(explained.key))
    first, *more = textwrap.wrap(
        f"{name}: {known.help}" if known.help else name, WIDTH,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    yield first.replace(name, paint(name, Tone.STRONG), 1)
    yield from (*more, "")
    yield from _setters(explained, known, texts, paint)
    for found in explained.findings:
        head = paint(f"{found.severity.value}[{found.code}]", _TONES[found.severity])
        yield f"{head}: {visible(found.message)}"
    yield ""
    for label, text in _facts(explained, known):
        yield from textwrap.wrap(
            f"{label:<{_MARGIN}}{visible(text)}", WIDTH, subsequent_indent=" " * _MARGIN,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip


def section_lines(answer: Answer, paint: Paint) -> Iterator[str]:
    """The keys of a section, each with its value and what it is."""
    section = dotted(answer.section or ())
    yield paint(section, Tone.STRONG)
    yield ""
    for explained in answer.keys:
        known = reference_of(explained)
        setter = explained.setters[0] if explained.setters else explained.default
        name = dotted(explained.key).removeprefix(f"{section}.")
        value = _value(setter, explained) if setter is not None else _unset(explained, known)
        origin = f"   {visible(str(setter.origin))}" if setter is not None else ""
        yield f"  {paint(name, Tone.NAME)}: {value}{paint(origin, Tone.DIM)}"
        for words in filter(None, (known.help, known.takes)):
            yield from textwrap.wrap(
                words, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6,
                break_on_hyphens=False,
            )  # fmt: skip
    if not answer.keys:
        yield "  nothing is set here"
    yield ""
    example = f"{section}.{_example(answer)}"
    yield f"`mixvllm explain {example}` tells more of a key"


def _example(answer: Answer) -> str:
    if answer.keys:
        return dotted(answer.keys[0].key).rpartition(".")[2]
    return "NAME"


def _setters(
    explained: Explained, known: Reference, texts: Mapping[Path, str], paint: Paint
) -> Iterator[str]:
    default = explained.default
    told = [("", setter, Tone.STRONG) for setter in explained.setters[:1]]
    told += [("with ", part, Tone.STRONG) for part in explained.parts]
    told += [("over ", setter, Tone.DIM) for setter in explained.setters[1:]]
    for word, setter, tone in told:
        via = "" if setter.key == explained.key else f" through {dotted(setter.key)}"
        yield f"{word}{paint(_value(setter, explained), tone)}, set{via} by"
        yield from _place(setter, texts, paint)
    lacks = known.history is not None and known.history.since is None
    if default is not None and (explained.setters or not lacks):
        over = "over " if explained.setters else ""
        is_own = default.key in ((), explained.key)
        via = "" if is_own else f", from {dotted(default.key)}"
        value = paint(_value(default, explained), Tone.DIM if over else Tone.STRONG)
        yield f"{over}{value}, {default.origin}{via}"
    elif not explained.setters:
        yield _unset(explained, known)


def _place(setter: Setter, texts: Mapping[Path, str], paint: Paint) -> Iterator[str]:
    origin = setter.origin
    yield f"{paint('  -->', Tone.NAME)} {visible(str(origin))}"
    if isinstance(origin, FileSpan) and texts.get(origin.path):
        lines = {origin.path: texts[origin.path].splitlines()}
        yield from snippet([(origin, "", "^")], lines, Tone.RIGHT, paint)
    for span in included_at(origin):
        yield f"{paint('  :::', Tone.NAME)} {visible(f'{span}: included here')}"


def _value(setter: Setter, explained: Explained) -> str:
    if not setter.is_known:
        return "a value that could not be had"
    text = visible(in_words(setter.value, explained.field)) or '""'
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _unset(explained: Explained, known: Reference) -> str:
    if known.history is not None and known.history.since is None:
        return f"not in vLLM {explained.release}"
    if explained.field is not None and explained.field.required:
        return "not set, and required"
    if explained.key[0] == "generation_defaults":
        return "not set: the model's generation config decides, else vLLM"
    if known.history is not None:
        return "not set: vLLM decides at the start"
    return "not set"


def _facts(explained: Explained, known: Reference) -> Iterator[tuple[str, str]]:
    if known.takes:
        yield "takes", known.takes
    if known.choices is not None:
        yield "choices", ", ".join("null" if c is None else str(c) for c in known.choices)
    if known.history is not None:
        yield "vLLM", _in_releases(known.history, explained.release)
        yield from _changes(known.history)
        if known.history.json_keys:
            yield "keys", ", ".join(known.history.json_keys)
    if known.history is not None and known.history.since is None:
        return
    keys = " or ".join(dotted(key) for key in explained.subject.ways)
    if not keys:
        yield "set it by", explained.subject.instead.removeprefix("write ")
        return
    ways = [f"{keys} in a profile", variable_of(explained.subject.key), *known.flags]
    yield "set it by", ", ".join(ways)


def _in_releases(history: History, release: str) -> str:
    group = f" ({history.group})" if history.group else ""
    if history.removed_in is not None:
        became = f": {history.became}" if history.became else ""
        return f"{history.name}{group}, removed in {history.removed_in}{became}"
    if history.since is None:
        return f"{history.name}{group}, comes with {history.comes_with}"
    earlier = " or earlier" if history.since == known_releases()[0] else ""
    since = f"{history.name} of {release}{group}, since {history.since}{earlier}"
    if not history.is_deprecated:
        return since
    leaves = f", to be removed in {history.leaves}" if history.leaves else ""
    return f"{since}; deprecated{leaves}"


def _changes(history: History) -> Iterator[tuple[str, str]]:
    for i, change in enumerate(reversed(history.defaults)):
        old, new = _default(change.old), _default(change.new)
        yield ("" if i else "default"), f"{new} since {change.release}, {old} before"


def _default(value: object) -> str:
    unset = value is UNSET or value == {"unset": True}
    return "worked out at the start" if unset else in_words(value)
