"""MX204: a number outside what vLLM's configuration accepts."""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule, shown
from mixvllm.rules.values import bounds_in_words, in_range, problems
from mixvllm.vllm.option import Option

_PLAINLY: Final = 10  # a share of this and more was meant in hundredths

# vLLM builds this configuration, and so checks its numbers, only where the switch is on.
_CHECKED_WITH: Final = {"LoRAConfig": "enable-lora"}


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM's parser takes the number; the engine's configuration refuses it, many seconds later."""
    for problem in problems(facts, RULE.code):
        switch = _CHECKED_WITH.get(problem.option.group or "")
        if switch is not None and facts.value_of(switch) is not True:
            continue
        meant = _share(problem.option, str(problem.value))
        what = "a number, not a percentage" if str(problem.value).endswith("%") else ""
        yield RULE.finding(
            f"`{problem.setting.name}` is {shown(problem.value)}; it must be"
            f" {what or bounds_in_words(problem.option)}",
            problem.setting.place.value,
            key=problem.setting.key,
            label=f"did you mean {meant}?"
            if meant
            else bounds_in_words(problem.option)
            if what
            else "",
            fix=meant if problem.is_whole else None,
            safe=_is_percentage(str(problem.value)),
        )


def _is_percentage(text: str) -> bool:
    """Whether only hundredths can be meant: ``90%``, or 90; 1.5 and 2 may be anything."""
    try:
        return text.endswith("%") or float(text) >= _PLAINLY
    except ValueError:
        return False


def _share(option: Option, text: str) -> str | None:
    """``90`` and ``90%`` where a share of 1 is wanted: ``0.90``."""
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        return None
    share = number / 100
    of_one = 1 in (option.at_most, option.below)
    if not of_one or not _is_percentage(text) or not in_range(option, share):
        return None
    two_places = round(share, 2) == share and not text.endswith("%")
    return f"{share:.2f}" if two_places else f"{share:g}"


RULE = Rule("MX204", "out-of-range", Severity.ERROR, check)
