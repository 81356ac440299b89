"""MX431: cards of different models for one engine."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.wanted import chosen


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The ranks wait for each other, so the slowest card sets the pace; and vLLM gives every rank
    as much KV cache as the smallest card has room for. A card that does not tell its model is not
    judged.
    """
    first = None
    for one in chosen(facts):
        if one.device.gpu.name is None:
            continue
        if first is None:
            first = one
        elif one.device.gpu.name != first.device.gpu.name:
            yield RULE.finding(
                f"{facts.host}: {one.device.words} is a {one.device.gpu.name}, and"
                f" {first.device.words} a {first.device.gpu.name}",
                one.origin, key=one.key, label="select cards of one model",
                related=(Related(first.origin, first.device.words),)
                if first.origin != one.origin else (),
            )  # fmt: skip
            return


RULE = Rule("MX431", "mixed-cards", Severity.WARNING, check)
