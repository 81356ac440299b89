"""What is known of a key, whoever sets it: what it takes, and its history in vLLM."""

from dataclasses import dataclass
from types import NoneType
from typing import get_args

from mixvllm.services.explain.explainer import Explained
from mixvllm.services.explain.subject import Subject
from mixvllm.settings.words import takes
from mixvllm.vllm import history as past
from mixvllm.vllm.advice import REMOVED
from mixvllm.vllm.history import DefaultChange
from mixvllm.vllm.option import Choice, Option
from mixvllm.vllm.options import known_releases, options_of
from mixvllm.vllm.words import key_takes, option_takes, variable_takes


@dataclass(frozen=True, slots=True)
class History:
    """Of an option, a JSON key or a variable. A release named is the first known of its side."""

    name: str  # "--dtype", "compilation-config.mode", "VLLM_USE_DEEP_GEMM"
    since: str | None  # None: the release that is looked at lacks it
    removed_in: str | None = None
    became: str = ""  # in words, of what was removed
    group: str | None = None  # the part of vLLM's configuration that an option belongs to
    comes_with: str | None = None
    is_deprecated: bool = False
    leaves: str | None = None
    defaults: tuple[DefaultChange, ...] = ()  # in all releases, the oldest first
    json_keys: tuple[str, ...] = ()  # that a JSON option takes


@dataclass(frozen=True, slots=True)
class Reference:
    """What `explain` tells of a key beside its values and who set them."""

    help: str
    takes: str
    choices: tuple[Choice, ...] | None
    flags: tuple[str, ...]  # of ours
    history: History | None


def reference_of(explained: Explained) -> Reference:
    """What is known of a key in the release that is looked at."""
    subject, field = explained.subject, explained.field
    option, key, variable = subject.option, subject.json_key, subject.variable
    choices: tuple[Choice, ...] | None = None
    words = ""
    if variable is not None:
        words, choices = variable_takes(variable), variable.choices
    elif subject.is_json:
        words = "" if key is None else key_takes(key)
        choices = None if key is None else key.choices
    elif option is not None:
        # Where null is no value of a field, the field is narrower than vLLM's option.
        is_ours = field is not None and NoneType not in get_args(field.annotation)
        words = takes(field) if field is not None and is_ours else option_takes(option)
        choices = option.choices
    elif field is not None:
        words = takes(field)
    return Reference(
        help="" if field is None else field.help,
        takes=words,
        choices=choices,
        flags=() if field is None else field.cli_flags,
        history=_history(subject, explained.release),
    )


def _history(subject: Subject, release: str) -> History | None:
    name = str(subject.key[-1])
    if subject.variable is not None:
        return History(
            name,
            since=past.variable_in_since(name, release),
            removed_in=past.variable_removed_in(name, release),
            comes_with=past.variable_added_in(name, release),
        )
    if subject.is_json:
        return None if subject.config is None else _of_json_key(subject, subject.config, release)
    if subject.option is None:
        return None
    return _of_option(subject.option, subject.release or release, release)


def _of_option(option: Option, seen: str, release: str) -> History:
    keys = options_of(seen).config_keys(option.config) if option.config is not None else None
    releases = known_releases()
    return History(
        option.flags[0],
        since=past.in_since(option.flags[0], release),
        removed_in=past.removed_in(option.flags[0], release),
        became=REMOVED.get(option.name, ("", ""))[0],
        group=option.group,
        comes_with=past.added_in(option.flags[0], release),
        is_deprecated=option.deprecated,
        leaves=option.leaves,
        defaults=past.default_changes(option.name, releases[0], releases[-1]),
        json_keys=tuple(keys or ()),
    )


def _of_json_key(subject: Subject, config: str, release: str) -> History:
    name = str(subject.key[-1])
    return History(
        ".".join(map(str, subject.key[2:])),
        since=past.key_in_since(config, name, release),
        removed_in=past.key_removed_in(config, name, release),
        comes_with=past.key_added_in(config, name, release),
    )
