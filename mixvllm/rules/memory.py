"""What the rules about memory share: the forecast's reasons, and where they are told."""

from collections.abc import Sequence

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.forecast.verdict import Cause, Reason
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import MODEL


def first_reason(facts: Facts, causes: Sequence[Cause], *, certain: bool) -> Reason | None:
    """The first reason of these kinds; one rank stands for all that are alike."""
    reasons = facts.forecast.reasons if facts.forecast is not None else ()
    return next((r for r in reasons if r.cause in causes and r.certain is certain), None)


def finding_of(
    rule: Rule, facts: Facts, reason: Reason, option: str, *, hint: str = ""
) -> Diagnostic:
    """A finding at the setting that decides; where nobody set it, where the model is named."""
    setting = facts.setting(option)
    place, key = facts.place(MODEL).value, MODEL
    if setting is not None:
        place, key = setting.place.value, setting.key
    of = "" if facts.machine else f"{facts.host}: "
    return rule.finding(f"{of}{reason.text}", place, key=key, hint=hint)


def shorter(facts: Facts) -> str:
    """What would help against a context that is too long."""
    longest = facts.forecast.longest if facts.forecast is not None else None
    if longest is None or longest.low < 1:
        return "`mixvllm fit` shows the sum, and what would make it fit"
    return f"inference.max_model_len {longest.low} surely fits; `mixvllm fit` tells what else helps"
