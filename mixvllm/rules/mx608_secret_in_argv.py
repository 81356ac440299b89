"""MX608: a secret on the command line."""

import shlex
from collections.abc import Iterator, Mapping

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import KeyPath, dotted
from mixvllm.rules.base import Facts, Rule
from mixvllm.settings.layers import Value
from mixvllm.settings.secrets import is_secret_name, looks_like_secret
from mixvllm.settings.typed import json_of_vllm

_MANAGED = {"api-key", "hf-token"}  # MX231 says where these belong


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A command line can be read by every user of the machine (`ps`), and stands in logs, unit
    files and crash reports. It does not matter how the secret came into the profile.
    """
    for setting in facts.settings:
        if setting.name in _MANAGED:
            continue
        for key, _ in _secrets(setting.key, setting.value):
            place = facts.resolved.places.get(key, setting.place)
            yield RULE.finding(
                f"the secret at `{dotted(key)}` would stand in argv, which every user can read",
                place.value, key=key, label="take it out",
                hint="give it by vllm.env, or by a file, if the option's code reads one",
            )  # fmt: skip
    command = facts.resolved.value("vllm", "command")
    words = _words(command)
    if any(map(_is_secret_word, words, ["", *words])):
        yield RULE.finding(
            "a word of `vllm.command` looks like a secret; every user can read it in argv",
            facts.place(("vllm", "command")).value, key=("vllm", "command"),
            hint="give it by vllm.env: a container takes it over with `-e NAME`",
            severity=Severity.WARNING,
        )  # fmt: skip


def _secrets(key: KeyPath, value: Value) -> Iterator[tuple[KeyPath, str]]:
    """The secrets at and below a key, each with its own key."""
    match value:
        case Mapping():
            for name, inner in value.items():
                yield from _secrets((*key, name), inner)
        case list():
            for i, inner in enumerate(value):
                yield from _secrets((*key, i), inner)
        case str():
            held = _json(value)
            if held is not None:
                yield from _secrets(key, held)
            elif value and (looks_like_secret(value) or is_secret_name(str(key[-1]))):
                yield key, value


def _json(text: str) -> Value:
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json_of_vllm(text)
    except ValueError:
        return None


def _words(command: Value) -> list[str]:
    if isinstance(command, list):
        return [str(word) for word in command]
    try:
        return shlex.split(command) if isinstance(command, str) else []
    except ValueError:
        return []


def _is_secret_word(word: str, before: str) -> bool:
    """``--api-key=X``, ``HF_TOKEN=X``, or ``X`` behind ``--api-key``."""
    name, equals, value = word.lstrip("-").partition("=")
    follows = before.startswith("--") and is_secret_name(before[2:]) and not word.startswith("-")
    return looks_like_secret(word) or follows or bool(equals and value and is_secret_name(name))


RULE = Rule("MX608", "secret-in-argv", Severity.ERROR, check)
