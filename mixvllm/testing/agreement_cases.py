"""Profiles to compare verdicts on: single options, pairs, sets, and the pages of the rules.

The same release, seed and rules give the same profiles in the same order.
"""

import json
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mixvllm.rules.combinations import every_rule
from mixvllm.settings.layers import Value
from mixvllm.testing import manual_rules
from mixvllm.testing.agreement_values import (
    AT_BOUND,
    CHOICE,
    CLASSES,
    IN_RANGE,
    KEY,
    KEY_CHOICE,
    values_of,
)
from mixvllm.testing.manual_page import Page
from mixvllm.vllm.options import Options

PAIR: Final = "two options"
SET: Final = "three to six options"
PAGE: Final = "the examples on the rules' pages"
KINDS: Final = (*CLASSES, PAGE, PAIR, SET)

# Options that a profile sets elsewhere (MX231), or that lead out of this machine.
_LEFT_OUT: Final = {
    "api-key", "config", "grpc", "hf-token", "host", "model", "model-tag", "port", "uds",
}  # fmt: skip
_COMBINED: Final = {IN_RANGE, AT_BOUND, CHOICE, KEY, KEY_CHOICE}
_MODEL: Final = re.compile(r"^(model: |  name: )\S+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """A profile, and what class it belongs to."""

    kind: str
    text: str

    @classmethod
    def of(cls, kind: str, model: Path, args: Mapping[str, Value]) -> "Case":
        """A profile with these options of vLLM."""
        lines = "".join(f"    {name}: {_yaml(value)}\n" for name, value in args.items())
        return cls(kind, f"model: {model}\nvllm:\n  args:\n{lines}")


def _yaml(value: Value) -> str:
    """JSON, which YAML reads, with YAML's words for what JSON has none for."""
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else "-.inf" if value < 0 else ".inf"
    return json.dumps(value, ensure_ascii=False)


def single_options(options: Options, model: Path) -> Iterator[Case]:
    """Every value of every option, alone."""
    for name in options.names():
        option = options.find(name)
        if option is None or name in _LEFT_OUT:
            continue
        for kind, value in values_of(option, options):
            yield Case.of(kind, model, {name: value})


def combined(options: Options, models: Sequence[Path], dice: random.Random) -> Iterator[Case]:
    """Pairs and sets of options that rules speak of, without end."""
    choice = _Choice(options, dice)
    while True:
        yield Case.of(PAIR, dice.choice(models), choice.some(2))
        yield Case.of(SET, dice.choice(models), choice.some(dice.randint(3, 6)))


class _Choice:
    """Draws options, and for each a value that it takes as far as its type goes."""

    def __init__(self, options: Options, dice: random.Random) -> None:
        self._options = options
        self._dice = dice
        called = {name for _, names in every_rule() for name in names}
        self._names = sorted(name for name in called - _LEFT_OUT if options.find(name))
        self._values: dict[str, list[Value]] = {}

    def some(self, count: int) -> dict[str, Value]:
        """``count`` options, each with a value."""
        names = self._dice.sample(self._names, count)
        return {name: self._dice.choice(self._of(name)) for name in names}

    def _of(self, name: str) -> list[Value]:
        if name not in self._values:
            option = self._options.find(name)
            assert option is not None
            found = [v for kind, v in values_of(option, self._options) if kind in _COMBINED]
            self._values[name] = found or [True]
        return self._values[name]


def pages(model: Path) -> Iterator[Case]:
    """What the pages of the rules across options show, bad and good, with a model that is here."""
    for path in manual_rules.combination_pages().values():
        for profile, _ in manual_rules.examples(Page.read(path)):
            yield Case(PAGE, _MODEL.sub(rf"\g<1>{model}", profile.text, count=1))
