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
    message = f"`{here.name}` contradicts `{there.name}`: {why}"
    return _at(rule, here, here.place.key, message, (there.place.key,), remedy)


def misfit(
    rule: Rule, here: EngineSetting, there: EngineSetting, why: str, *, remedy: str
) -> Diagnostic:
    """The number ``here`` does not fit the number ``there``; both places are shown."""
    message = f"`{here.name}` does not fit `{there.name}`: {why}"
    return _at(rule, here, here.place.value, message, (there.place.value,), remedy)


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
    message = f"`{here.name}` is passed over because of `{there.name}`: {why}"
    return _at(rule, here, here.place.key, message, (there.place.key,), remedy)


def unfit(
    rule: Rule, here: EngineSetting, why: str, *others: EngineSetting | None, remedy: str
) -> Diagnostic:
    """The number ``here`` does not go with others, of which those that are set are shown."""
    places = tuple(item.place.value for item in others if item)
    return _at(rule, here, here.place.value, f"`{here.name}` {why}", places, remedy)


def _at(
    rule: Rule, here: EngineSetting, place: Origin, message: str, others: tuple[Origin, ...],
    remedy: str,
) -> Diagnostic:  # fmt: skip
    """A finding at ``place``, and the other places that are not the same: a string of JSON holds
    several settings.
    """
    related = tuple(Related(other, "set here") for other in others if other != place)
    return rule.finding(message, place, key=here.key, label=remedy, related=related)
