"""MX220, MX221 and MX003: the inside of an option that takes JSON."""

import difflib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.core.origin import Origin
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.json_keys import JsonKey, json_keys
from mixvllm.rules.values import Problem, problems
from mixvllm.settings.engine import EngineSetting
from mixvllm.settings.inside import place_inside
from mixvllm.settings.typed import json_of_vllm
from mixvllm.vllm.history import key_removed_in
from mixvllm.vllm.moves import in_words, moved_key
from mixvllm.vllm.option import Kind
from mixvllm.vllm.slip import is_slip

_SUGGESTED: Final = 50  # of a profile's unknown keys; each takes milliseconds
_PAIRS: Final = re.compile(r"[a-z_]+=\d+(,[a-z_]+=\d+)*")  # image=2,video=1
_WORD: Final = re.compile(r"[\w.+-]+|'\w*'?")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Keys of a JSON option are those of a configuration class of vLLM; others are refused at
    the start. JSON in a string must be JSON; YAML below the key says the same more readably.
    """
    unknown = (key for key in json_keys(facts) if key.known is None)
    for i, key in enumerate(unknown):
        yield _unknown(facts, key, suggest=i < _SUGGESTED)
    for setting in facts.settings:
        if setting.option and setting.option.kind is Kind.JSON and isinstance(setting.value, str):
            yield from _twice(facts, setting, setting.value)
    for problem in problems(facts, _BROKEN.code):
        yield _broken(facts, problem)


def _broken(facts: Facts, problem: Problem) -> Diagnostic:
    """Python's json says where it gave up: that is a place inside the text."""
    origin, text = problem.setting.place.value, str(problem.value)
    pairs = _PAIRS.fullmatch(text.strip())
    if pairs and not isinstance(problem.option.default, list):
        anew = "{" + ", ".join(text.strip().replace("=", ": ").split(",")) + "}"
        return _BROKEN.finding(
            f"`{problem.setting.name}` is not JSON", origin, key=problem.setting.key,
            label=f"write `{anew}`", fix=anew, safe=False,
        )  # fmt: skip
    found = origin
    try:
        json_of_vllm(text)
        why = ""
    except json.JSONDecodeError as error:
        why = str(error)
        begin = min(error.pos, len(text.rstrip()))
        word = _WORD.match(text, begin)
        found = place_inside(
            facts.resolved.texts, origin, text, begin, word.end() if word else begin
        )
        if found != origin:
            why = error.msg[:1].lower() + error.msg[1:]
    except ValueError as error:  # too deep, or a number of too many digits
        why = str(error)
    return _BROKEN.finding(
        f"`{problem.setting.name}` is not JSON: {why}", found, key=problem.setting.key,
        label="write it as YAML below the key",
    )  # fmt: skip


def _twice(facts: Facts, setting: EngineSetting, text: str) -> Iterator[Diagnostic]:
    """Keys that stand twice in one object: every reader takes the last, and says nothing."""
    names: list[str] = []

    def read(pairs: list[tuple[str, object]]) -> None:
        names.extend(name for name, times in Counter(n for n, _ in pairs).items() if times > 1)

    try:
        json_of_vllm(text)
        json.loads(text, object_pairs_hook=read)
    except ValueError:  # MX221
        return
    for name in names:
        spelt = [m.span(1) for m in re.finditer(rf'"({re.escape(name)})"\s*:', text)]
        origin, texts = setting.place.value, facts.resolved.texts
        places = [place_inside(texts, origin, text, *at) for at in spelt] or [origin]
        yield _TWICE.finding(
            f"duplicate key `{name}` in the JSON of `{setting.name}`", places[-1], key=setting.key,
            label="and again here", hint="keep one of the two; vLLM silently takes the last",
            related=(Related(places[0], "first set here"),) if len(places) > 1 else (),
        )  # fmt: skip


def _place(facts: Facts, key: JsonKey) -> Origin:
    """Where the key stands; in a text that has its name several times, the whole text."""
    if key.in_text is None:
        return key.place.key
    spelt = [*re.finditer(rf'"({re.escape(key.name)})"\s*:', key.in_text)]
    if len(spelt) != 1:
        return key.place.value
    return place_inside(facts.resolved.texts, key.place.value, key.in_text, *spelt[0].span(1))


def _unknown(facts: Facts, key: JsonKey, *, suggest: bool) -> Diagnostic:
    origin, release = _place(facts, key), facts.options.release
    removed = key_removed_in(key.config, key.name, before=release)
    if removed is not None:
        writes = moved_key(key.config, key.name, key.value)
        instead = writes and in_words({(name,): value for name, value in writes.items()})
        return RULE.finding(
            f"`{key.name}` of {key.config} was removed in {removed}", origin, key=key.path,
            label=f"write `{instead}`" if instead else "take it out",
            hint=f"this profile is checked against vLLM {release}",
        )  # fmt: skip
    known = (facts.options.config_keys(key.config) or {}) if suggest else {}
    near = _near(key.name, known)
    return RULE.finding(
        f"unknown key `{key.name}` in {key.config} (vLLM {release})",
        origin,
        key=key.path,
        label=f"did you mean `{near[0]}`?" if near else "",
        hint="" if near or not known else f"known: {', '.join(sorted(known))}",
        fix=near[0] if near and origin != key.place.value else None,
        safe=bool(near) and is_slip(key.name, near[0], known),
    )


def _near(name: str, known: Collection[str]) -> list[str]:
    """The key that was meant, by its letters where these are nearly right, else by its words;
    of several, one that begins alike.
    """
    from mixvllm.vllm.nearest import nearest_names  # 3 ms, for profiles with a wrong key

    close = difflib.get_close_matches(name.replace("-", "_"), known, n=1)
    if close and is_slip(name, close[0], known):
        return close
    first = name.replace("-", "_").partition("_")[0]
    by_words = sorted(nearest_names(name, known), key=lambda one: one.partition("_")[0] != first)
    return [*by_words, *close][:1]


RULE = Rule("MX220", "json-key", Severity.ERROR, check)
_TWICE = Rule("MX003", "json-key-twice", Severity.ERROR, check)
_BROKEN = Rule("MX221", "broken-json", Severity.ERROR, check)
