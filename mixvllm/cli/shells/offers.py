"""What a shell offers after a few words of a command line.

Asked at every press of a key, so it reads plain data (:mod:`mixvllm.cli.shells.words`) and
imports no command. Of vLLM it reads the packed table, and only where options are named.

A shell is answered in lines. The first says what follows: `words`, each with a tab and a
sentence where there is one; or that the shell itself shall offer `profiles` or `files`.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from mixvllm.cli.commands import COMMANDS
from mixvllm.cli.shells.words import ARGUMENTS, KEYS, OPTIONS

Offers: TypeAlias = Iterable[tuple[str, str]]  # words, each with a sentence or nothing
_ARGS: Final = "vllm.args."
_ENV: Final = "vllm.env."
_RELEASES: Final = {"--vllm", "--to"}  # options that say of which release options are named


def answer(words: Sequence[str]) -> int:
    """Print what may follow. The first word is the shell, the last one is being typed."""
    shell, *typed = words or ("",)
    typed = _joined(typed) if shell == "bash" else typed
    kind, offers = _offers(typed or [""])
    print(kind)
    # Where bash ends a word at `=`, it replaces only what stands behind the last one.
    known = len(typed[-1].rpartition("=")[0]) + 1 if shell == "bash" and "=" in typed[-1] else 0
    for word, sentence in offers:
        print(f"{word[known:]}\t{sentence}" if sentence else word[known:])
    return 0


def _joined(words: Sequence[str]) -> list[str]:
    """Bash makes three words of ``--format=json``."""
    joined: list[str] = []
    glued = False
    for word in words:
        if (word == "=" or glued) and joined:
            joined[-1] += word
        else:
            joined.append(word)
        glued = word == "="
    return joined


def _offers(words: Sequence[str]) -> tuple[str, Offers]:
    """What may stand in place of the last word."""
    *before, current = words
    if not before:
        found = [(command.name, command.summary) for command in COMMANDS]
        flags = [("--help", "print the commands"), ("--version", "print the version")]
        return "words", _that_begin([*found, *flags] if current else found, current)
    options = OPTIONS.get(before[0])
    if options is None:
        return "words", ()
    if before[-1] in options and options[before[-1]][0] and "--" not in before[:-1]:
        return _of_kind(options[before[-1]][0], before, current)
    flag, equals, value = current.partition("=")
    if equals and flag in options:
        kind, offers = _of_kind(options[flag][0], before, value)
        return kind, ((f"{flag}={word}", sentence) for word, sentence in offers)
    if current.startswith("-") and "--" not in before:
        flags = [(name, sentence) for name, (_, sentence) in options.items()]
        return "words", _that_begin([*flags, ("--help", "tell what it does")], current)
    return _of_kind(ARGUMENTS.get(before[0], ""), before, current)


def _that_begin(offers: Offers, current: str) -> Offers:
    return [(word, sentence) for word, sentence in offers if word.startswith(current)]


def _of_kind(kind: str, words: Sequence[str], current: str) -> tuple[str, Offers]:
    name, _, rest = kind.partition(" ")
    if name in ("profile", "file"):
        return f"{name}s", ()
    match name:
        case "one":
            offers: Offers = ((word, "") for word in rest.split())
        case "key":
            return _of_kind(KEYS[rest][0], words, current)
        case "option":
            offers = _values(rest, words)
        case "release":
            offers = ((release, "") for release in _releases())
        case "setting":
            offers = _settings(words, current)
        case "subject":
            offers = _subjects(words, current)
        case _:
            offers = ()
    return "words", _that_begin(offers, current)


def _releases() -> tuple[str, ...]:
    from mixvllm.vllm.table import load_table

    return load_table().releases[::-1]


def _settings(words: Sequence[str], current: str) -> Offers:
    """``KEY=``, and the values of a key that has a few."""
    key, equals, _ = current.partition("=")
    if not equals:
        keys = _keys(words, current)
        return ((k if k.endswith(".") else f"{k}=", sentence) for k, sentence in keys)
    if key.startswith(_ARGS):
        values = _values(key.removeprefix(_ARGS).replace("_", "-"), words)
    else:
        kind = KEYS.get(key.replace("-", "_"), ("", ""))[0]
        values = _of_kind(kind, words, "")[1]
    return ((f"{key}={value}", sentence) for value, sentence in values)


def _keys(words: Sequence[str], current: str) -> Iterator[tuple[str, str]]:
    """Keys of a profile; those of vLLM only when its part is being typed."""
    for key, (_, sentence) in KEYS.items():
        if f"{key}." not in (_ARGS, _ENV):
            yield key, sentence
    for start in (_ARGS, _ENV):
        if current.startswith(start):
            snake = start == _ARGS and "_" in current
            for name in _names(start, words):
                yield start + (name.replace("-", "_") if snake else name), ""
        else:
            yield start, ""


def _subjects(words: Sequence[str], current: str) -> Iterator[tuple[str, str]]:
    """Codes, rules, sections, keys, options and variables, as far as they were begun."""
    from mixvllm.services.page import page_names

    if not current:
        yield from dict.fromkeys((f"{key.partition('.')[0]}.", "") for key in KEYS if "." in key)
        yield "MX", ""
        return
    yield from _keys(words, current)
    if "." in current:
        return
    yield from ((name, "") for name in _names(_ARGS, words))
    if current[:1].isupper():
        yield from ((name, "") for name in _names(_ENV, words))
    for name in page_names():
        is_code = name.startswith("MX")
        yield (current[:2] + name[2:] if is_code and current[:2].upper() == "MX" else name), ""


def _names(start: str, words: Sequence[str]) -> Iterable[str]:
    """The options or the variables of the release that is spoken of."""
    from mixvllm.vllm.table import load_table

    return load_table().at("options" if start == _ARGS else "variables", _index(words))


def _values(option: str, words: Sequence[str]) -> Offers:
    """The choices of an option of vLLM."""
    from mixvllm.vllm.table import load_table

    spec = load_table().at("options", _index(words)).get(option)
    if spec is None:
        return ()
    if spec["kind"] in ("flag", "switch"):
        return (("true", ""), ("false", ""))
    return ((str(choice), "") for choice in spec.get("choices", ()) if choice is not None)


def _index(words: Sequence[str]) -> int:
    """The place of the release that the command line names, else of the newest."""
    from mixvllm.vllm.table import UnknownRelease, load_table

    table = load_table()
    pairs = [*pairwise(words), *(word.split("=", 1) for word in words if "=" in word)]
    for flag, value in pairs:
        if flag in _RELEASES:
            try:
                return table.index_of(value)
            except UnknownRelease:
                break
    return len(table.releases) - 1
