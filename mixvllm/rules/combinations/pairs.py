"""The findings that most rules across options give: one option, and the other one beside it."""

from mixvllm.core.diagnostic import Diagnostic, Related
from mixvllm.core.origin import Origin
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
        related=_beside(here.place.key, there.place.key),
    )


def misfit(
    rule: Rule, here: EngineSetting, there: EngineSetting, why: str, *, remedy: str
) -> Diagnostic:
    """The number ``here`` does not fit the number ``there``; both places are shown."""
    return rule.finding(
        f"`{here.name}` does not fit `{there.name}`: {why}",
        here.place.value,
        key=here.key,
        label=remedy,
        related=_beside(here.place.value, there.place.value),
    )


def idle(
    rule: Rule, setting: EngineSetting, needed: str, why: str, *, remedy: str = ""
) -> Diagnostic:
    """``setting`` is passed over without ``needed``."""
    return rule.finding(
        f"`{setting.name}` does nothing without `{needed}`: {why}",
        setting.place.key,
        key=setting.key,
        label=remedy or f"set {needed} too, or take this out",
    )


def overruled(
    rule: Rule, here: EngineSetting, there: EngineSetting, why: str, *, remedy: str
) -> Diagnostic:
    """``here`` is passed over because of ``there``; both places are shown."""
    return rule.finding(
        f"`{here.name}` is passed over because of `{there.name}`: {why}",
        here.place.key,
        key=here.key,
        label=remedy,
        related=_beside(here.place.key, there.place.key),
    )


def unfit(
    rule: Rule, here: EngineSetting, why: str, *others: EngineSetting | None, remedy: str
) -> Diagnostic:
    """The number ``here`` does not go with others, of which those that are set are shown."""
    return rule.finding(
        f"`{here.name}` {why}",
        here.place.value,
        key=here.key,
        label=remedy,
        related=tuple(Related(item.place.value, "set here") for item in others if item),
    )


def _beside(here: Origin, there: Origin) -> tuple[Related, ...]:
    """The second place, unless it is the first one: a string of JSON holds both."""
    return () if there == here else (Related(there, "set here"),)
