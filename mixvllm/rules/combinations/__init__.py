"""Rules across options: what vLLM refuses, or passes over, when it sees two options together.

vLLM finds these out one at a time, after its imports and often after the model's configuration
was fetched. A folder for each part of vLLM's configuration; in it a file for each rule, which
names the place in vLLM that raises. A folder's ``RULES`` says which options call a rule up: a
rule of whose options none is set is not even imported, because of a hundred a profile needs
three.

The codes say of what kind a finding is, the rule's name says which one it is:

- MX240: an option needs another one.
- MX241: options contradict each other.
- MX242: numbers that do not fit together.
- MX243: a warning: vLLM passes over an option because of another one.
"""

import importlib
from collections.abc import Iterable, Iterator
from typing import Final

from mixvllm.rules.base import Rule
from mixvllm.rules.combinations import (
    features,
    memory,
    model,
    parallel,
    scheduling,
    serving,
    speculation,
)

_FOLDERS: Final = (parallel, scheduling, memory, model, speculation, serving, features)


def called_up(names: Iterable[str]) -> Iterator[Rule]:
    """The rules that one of these options (canonical names) calls up."""
    wanted = frozenset(names)
    for folder in _FOLDERS:
        for module, options in folder.RULES.items():
            if not wanted.isdisjoint(options):
                yield _rule(folder.__name__, module)


def every_rule() -> Iterator[tuple[Rule, tuple[str, ...]]]:
    """All of them, each with the options that call it up."""
    for folder in _FOLDERS:
        for module, options in folder.RULES.items():
            yield _rule(folder.__name__, module), options


def _rule(folder: str, module: str) -> Rule:
    rule: Rule = importlib.import_module(f"{folder}.{module}").RULE
    return rule
