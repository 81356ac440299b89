"""MX406: a selected card that is ill."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.gpu.placement import DEAD
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.cards import in_use


def check(facts: Facts) -> Iterator[Diagnostic]:
    """What NVML said of the card when it was asked: lost, without an answer, or with memory that
    it can no longer trust. Only cards that the profile selects by name are spoken of.
    """
    for gpu, entry in in_use(facts):
        if entry is None or facts.inventory is None:
            continue
        for problem in facts.inventory.problems_of(gpu.index):
            yield RULE.finding(
                f"{facts.host}: {problem.message}", entry.origin, key=entry.key,
                label="select another card", hint=problem.hint,
                severity=Severity.ERROR if problem.code in DEAD else Severity.WARNING,
            )  # fmt: skip


RULE = Rule("MX406", "sick-card", Severity.WARNING, check)
