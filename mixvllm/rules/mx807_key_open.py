"""MX807: a key that every user of the machine can read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import KeyPath, dotted
from mixvllm.rules.base import Facts, Rule
from mixvllm.settings.engine import absolute

_KEYS: Final[tuple[KeyPath, ...]] = (
    ("server", "api_key_file"), ("server", "ssl_keyfile"), ("ops", "token_file"),
)  # fmt: skip


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The file, and each folder on the way to it, lets everybody in."""
    if facts.seen is None:
        return
    for key in _KEYS:
        value = facts.resolved.value(*map(str, key))
        if not isinstance(value, str):
            continue
        place = facts.place(key).value
        path: Path = absolute(value, place)
        if path in facts.seen.open_to_all:
            yield RULE.finding(
                f"`{dotted(key)}`: every user of this machine can read {path}", place, key=key,
                hint=f"chmod 600 {path}",
            )  # fmt: skip


RULE = Rule("MX807", "key-open-to-all", Severity.WARNING, check)
