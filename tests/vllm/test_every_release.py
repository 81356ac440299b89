"""Every option of every release, with every class of values: read back as the same, or refused.

The words are read by the model of vLLM's parser (`parser_model.py`), which knows nothing of how
they were made.
"""

import random
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.vllm.argv import Inexpressible, render_value
from mixvllm.vllm.options import Kind, Option, known_releases, options_of
from tests.vllm.parser_model import ModelOfParser, Refused
from tests.vllm.values_to_say import JSONS, TEXTS, expected, same, values_of

SEEN: dict[str, str] = {}  # an option as it is in one release, or in several: the first of them


@cache
def parser_of(release: str) -> ModelOfParser:
    return ModelOfParser(options_of(release))


def option_of(release: str, name: str) -> Option:
    found = options_of(release).find(name)
    assert found is not None
    return found


def holds(release: str, words: tuple[str, ...], option: Option) -> object:
    """What the parser sets for one option."""
    found = parser_of(release).parse(words)
    return found.get(option.name.replace("-", "_"), {"object": "absent"})


def complaint(release: str, option: Option, value: object) -> str | None:
    """What is wrong with the words for this value; None when they say it, or there are none."""
    try:
        words = render_value(option, value)
    except Inexpressible:
        return None
    try:
        found = holds(release, words, option)
    except Refused as why:
        return f"{value!r:.100} as {words!r:.100}: {why}"
    if not same(found, expected(option, value), option):
        return f"{value!r:.100} as {words!r:.100}: {found!r:.100}"
    return None


@pytest.mark.parametrize("release", [*reversed(known_releases())])
def test_every_value_of_every_option_is_read_back_or_refused(release: str) -> None:
    options = options_of(release)
    wrong, said = [], 0
    for name in options.names():
        option = option_of(release, name)
        if name == "config":
            continue  # never rendered
        values = list(values_of(option, options))
        if SEEN.setdefault(repr(option), release) != release:
            values = random.Random(name).sample(values, min(4, len(values)))  # the same as there
        said += len(values)
        wrong += [c for value in values if (c := complaint(release, option, value))]
    assert wrong == []
    assert said > 2 * len(options.names())


REFUSED_RIGHTLY = [Kind.STRING, Kind.STRING_OR_FLAG, Kind.JSON_OR_STRING]


@pytest.mark.parametrize("release", known_releases())
def test_no_text_is_refused_that_could_have_been_said(release: str) -> None:
    """The obvious words for a refused text never give that text after all."""
    sayable = []
    for name in options_of(release).names():
        option = option_of(release, name)
        if option.kind not in REFUSED_RIGHTLY or option.choices or name == "config":
            continue
        for text in TEXTS:
            if "\0" in text or "\ud800" in text or len(text) > 2**16:
                continue  # no process can be handed these
            try:
                render_value(option, text)
            except Inexpressible:
                for words in ((f"--{name}={text}",), (f"--{name}", text)):
                    try:
                        found = holds(release, words, option)
                    except (Refused, ValueError):
                        continue
                    if found == ([text] if option.many else text):
                        sayable.append((name, text))
    assert sayable == []


RELEASES = st.sampled_from([*known_releases()])
HOSTILE = st.text(st.sampled_from("a-=. ,\"'{}[]$\\\n\tkK0ü漢\u2028"), max_size=12) | st.text()
SCALARS: st.SearchStrategy[object] = (
    st.none() | st.booleans() | st.integers() | st.floats() | HOSTILE | st.sampled_from(TEXTS)
)
ANY: st.SearchStrategy[object] = st.sampled_from(JSONS) | st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(HOSTILE, inner, max_size=3)
)


@given(RELEASES, st.data())
def test_any_value_of_any_option(release: str, data: st.DataObject) -> None:
    names = [name for name in options_of(release).names() if name != "config"]
    option = option_of(release, data.draw(st.sampled_from(names)))
    assert complaint(release, option, data.draw(ANY)) is None


@given(RELEASES, st.data())
def test_a_whole_command_line(release: str, data: st.DataObject) -> None:
    """Options side by side: none swallows the words of the next one."""
    options = options_of(release)
    names = [name for name in options.names() if name != "config"]
    words: list[str] = []
    wanted: dict[str, tuple[Option, object]] = {}
    for name in data.draw(st.lists(st.sampled_from(names), max_size=8, unique=True)):
        option = option_of(release, name)
        values = list(values_of(option, options))
        value = values[data.draw(st.integers(0, len(values) - 1))]
        try:
            words += render_value(option, value)
        except Inexpressible:
            continue
        wanted[name.replace("-", "_")] = (option, expected(option, value))
    found = parser_of(release).parse(words)
    for name, (option, value) in wanted.items():
        assert same(found.get(name), value, option), (name, words)
