"""MX412: others hold so much of a card's memory that vLLM would refuse to start."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.units import show_size
from mixvllm.forecast.cards import Card
from mixvllm.forecast.verdict import Cause
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.memory import finding_of, first_reason

_MOST = 3  # processes that are named


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Of this machine and of now: in a minute it may be otherwise."""
    reason = first_reason(facts, (Cause.OTHERS,), certain=True)
    if reason is None or facts.forecast is None or reason.rank is None:
        return
    card = facts.forecast.ranks[reason.rank].card
    yield finding_of(RULE, facts, reason, "gpu-memory-utilization", hint=_who(card) if card else "")


def _who(card: Card) -> str:
    """Who holds the memory, the largest first."""
    holders = sorted(card.others, key=lambda each: -(each.memory_bytes or 0))
    named = [
        f"{each.name or 'a process'} (pid {each.pid})"
        + (f" holds {show_size(each.memory_bytes)}" if each.memory_bytes else " is there")
        for each in holders[:_MOST]
    ]
    more = len(holders) - len(named)
    if not named:
        return "end what uses it, or ask for less with a lower inference.gpu_memory_utilization"
    return f"{', '.join(named)}{f', and {more} more' if more > 0 else ''}"


RULE = Rule("MX412", "memory-in-use", Severity.WARNING, check)
