"""The findings that most rules across options give: one option, and the other one beside it."""

from mixvllm.core.diagnostic import Diagnostic, Related
from mixvllm.rules.base import Rule
from mixvllm.settings.engine import EngineSetting


def needs(
    rule: Rule, setting: EngineSetting, needed: str, why: str, *, remedy: str = ""
) -> Diagnostic:
    """``setting`` is refused without the option ``needed``."""
    return rule.finding(
        f"`{setting.name}` needs `{needed}`: {why}",
        setting.place.key,
        key=setting.key,
        label=remedy or f"set {needed} too",
    )


def contradicts(
    rule: Rule, here: EngineSetting, there: EngineSetting, why: str, *, remedy: str
) -> Diagnostic:
    """``here`` is refused beside ``there``; both places are shown."""
    return rule.finding(
        f"`{here.name}` contradicts `{there.name}`: {why}",
        here.place.key,
        key=here.key,
        label=remedy,
        related=(Related(there.place.key, "set here"),),
    )
