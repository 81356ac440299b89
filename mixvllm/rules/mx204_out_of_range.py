"""MX204: a number outside what vLLM's configuration accepts."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule, shown
from mixvllm.rules.values import bounds_in_words, in_range, problems
from mixvllm.vllm.option import Option


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM's parser takes the number; the engine's configuration refuses it, many seconds later."""
    for problem in problems(facts, RULE.code):
        meant = _share(problem.option, str(problem.value))
        what = "a number, not a percentage" if str(problem.value).endswith("%") else ""
        yield RULE.finding(
            f"`{problem.setting.name}` is {shown(problem.value)}; it must be"
            f" {what or bounds_in_words(problem.option)}",
            problem.setting.place.value,
            key=problem.setting.key,
            label=f"did you mean {meant}?" if meant else bounds_in_words(problem.option),
            fix=meant,
        )


def _share(option: Option, text: str) -> str | None:
    """``90`` and ``90%`` where a share of 1 is wanted: ``0.90``."""
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        return None
    share = number / 100
    if option.at_most != 1 or number <= 1 or not in_range(option, share):
        return None
    return f"{share:.2f}" if round(share, 2) == share else f"{share:g}"


RULE = Rule("MX204", "out-of-range", Severity.ERROR, check)
