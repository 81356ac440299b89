"""MX606 and MX607: a key that is none, and a key in two places."""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.core.origin import KeyPath, dotted
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.values import unspeakable
from mixvllm.settings.engine import absolute
from mixvllm.settings.layers import get
from mixvllm.settings.unavailable import Unavailable

_PLACES: Final[tuple[KeyPath, ...]] = (
    ("server", "api_key"),
    ("server", "api_key_file"),
    ("vllm", "env", "VLLM_API_KEY"),
)


def has_key(facts: Facts) -> bool:
    """Whether clients need a key. One that could not be had, as another finding says, counts."""
    return any(key in facts.resolved.places and _what(facts, key) is None for key in _PLACES)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM takes an empty key for none: the API would look guarded and stand open."""
    written = [key for key in _PLACES if key in facts.resolved.places]
    for key in written:
        trouble = _what(facts, key) or _unspeakable(facts, key)
        if trouble:
            yield RULE.finding(
                f"`{dotted(key)}` {trouble}", facts.place(key).value, key=key,
                label="give a key, or take the line out",
            )  # fmt: skip
    given = [key for key in written if facts.resolved.value(*map(str, key)) is not None]
    for key in given[1:]:
        yield _TWICE.finding(
            f"{dotted(given[0])} and {dotted(key)} both give the key of the API",
            facts.place(key).key, key=key, label="and again here", hint="keep one of the two",
            related=(Related(facts.place(given[0]).key, "set here"),),
        )  # fmt: skip


def _what(facts: Facts, key: KeyPath) -> str | None:
    """In what way a key is none; None when there is one, or it cannot be known."""
    value = get(facts.resolved.values, key)
    if value is Unavailable:
        return None
    if value is None:
        return "is null: the API would be open"
    if isinstance(value, str) and not value.strip():
        return "is empty: the API would be open"
    if key[-1] == "api_key_file" and isinstance(value, str) and facts.machine:
        fact = facts.files.get(absolute(value, facts.place(key).value))
        return "is an empty file: the API would be open" if fact and fact.key_is_empty else None
    return None


def _unspeakable(facts: Facts, key: KeyPath) -> str | None:
    value = facts.resolved.value(*map(str, key))
    return unspeakable(value) if isinstance(value, str) and key[0] == "server" else None


RULE = Rule("MX606", "empty-key", Severity.ERROR, check)
_TWICE = Rule("MX607", "key-twice", Severity.ERROR, check)
