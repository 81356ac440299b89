"""The rules by their names: what the `rule` of a finding in JSON says."""

import sys
from collections.abc import Iterator

from mixvllm.rules import ALL
from mixvllm.rules.base import Rule


def code_named(name: str) -> str | None:
    """The code of a rule that has no page of its own; a file may hold several rules."""
    wanted = name.strip().lower().replace("_", "-")
    return next((rule.code for rule in _rules() if rule.name == wanted), None)


def _rules() -> Iterator[Rule]:
    for rule in ALL:
        held = vars(sys.modules[rule.check.__module__]).values()
        yield from (value for value in held if isinstance(value, Rule))
