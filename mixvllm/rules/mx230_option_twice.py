"""MX230 and MX004: one vLLM option through two keys."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.core.origin import Default, dotted
from mixvllm.rules.base import Facts, Rule
from mixvllm.settings.engine import EngineSetting


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM would take the last one without a word."""
    first: dict[str, EngineSetting] = {}
    for setting in facts.settings:
        if setting.option is None or isinstance(setting.place.key, Default):
            continue
        before = first.setdefault(setting.option.name, setting)
        if before is setting:
            continue
        here, there = setting, before
        if _later(before, setting):
            here, there = before, setting
        origin, name = here.place.key, here.option.name if here.option else here.name
        related = (
            Related(
                there.place.key,
                "first set here" if not here.named and not there.named else "set here",
            ),
        )
        if not before.named:
            yield _SPELLINGS.finding(
                f"the same option `{name}` by two of its names", origin, key=here.key,
                label="and again here", hint="keep one of the two", related=related,
            )  # fmt: skip
        else:
            yield RULE.finding(
                f"`{name}` is set twice: {dotted(before.key)} and {dotted(setting.key)} conflict",
                setting.place.key, key=setting.key, label="and again here",
                hint="keep one of the two", related=(Related(before.place.key, "set here"),),
            )  # fmt: skip


def _later(one: EngineSetting, other: EngineSetting) -> bool:
    """Whether ``one`` stands below ``other`` in the same file."""
    a, b = one.place.key, other.place.key
    return getattr(a, "line", 0) > getattr(b, "line", 0)


RULE = Rule("MX230", "option-twice", Severity.ERROR, check)
_SPELLINGS = Rule("MX004", "option-in-two-spellings", Severity.ERROR, check)
