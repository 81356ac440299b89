"""MX200, MX201, MX210, MX212: an option that this release of vLLM does not have."""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Fix, Severity
from mixvllm.rules.amends import entry, in_its_manner, moved
from mixvllm.rules.base import Facts, Rule, shown
from mixvllm.settings.engine import EngineSetting
from mixvllm.vllm.advice import LONG_GONE, REMOVED
from mixvllm.vllm.history import added_in, removed_in
from mixvllm.vllm.moves import in_words, moved_option
from mixvllm.vllm.options import known_releases
from mixvllm.vllm.slip import is_slip

_SUGGESTED: Final = 50  # of a profile's unknown options; each takes 5 ms, and more are no slips
# Words that begin an option's name and more likely were meant for a section of the profile.
_SECTIONS: Final = {"serve", "serv", "model", "gpu", "log"}


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM would say `unrecognized arguments` after 15 seconds of imports, or, where the name is
    the beginning of another option's, silently take it for that one.
    """
    unknown = [setting for setting in facts.settings if setting.option is None]
    for i, setting in enumerate(unknown):
        yield _finding(facts, setting, suggest=i < _SUGGESTED)


def _finding(facts: Facts, setting: EngineSetting, *, suggest: bool) -> Diagnostic:
    name, release = setting.name, facts.options.release
    origin, key = setting.place.key, setting.key
    removed = removed_in(name, before=release)
    if removed:
        became, instead = _advice(facts, setting)
        writes = moved_option(name, setting.value)
        return _REMOVED.finding(
            f"vLLM option `{name}` was removed in {removed}" + (f": {became}" if became else ""),
            origin, key=key, label=instead or "take it out",
            hint=f"this profile is checked against vLLM {release}",
            fix=moved(facts, setting, writes),
        )  # fmt: skip
    if name in LONG_GONE:
        became, instead = LONG_GONE[name]
        return _REMOVED.finding(
            f"vLLM option `{name}` was removed before {known_releases()[0]}: {became}",
            origin, key=key, label=instead or "take it out",
        )  # fmt: skip
    added = added_in(name, after=release)
    if added:
        return _TOO_NEW.finding(
            f"vLLM option `{name}` came with {added}; this is checked against {release}", origin,
            key=key, hint="use that release, or take the option out",
        )  # fmt: skip
    negated = facts.options.negated(name)
    if negated is not None:
        return RULE.finding(
            f"`{name}` is a spelling of the command line; a profile says true or false", origin,
            key=key, label=f"write `{negated.name}: {shown(setting.value is False)}`",
            fix=_turned(setting, in_its_manner(facts, origin, negated.name)),
        )  # fmt: skip
    meant = facts.options.prefixed_by(name)
    if meant:
        where = (
            "server.port and server.host have a section of their own; " if name == "serve" else ""
        )
        words = ", ".join(f"`{m}`" for m in meant[:3])
        likely = _by_hand(facts, name) or meant[0]
        return _ABBREVIATED.finding(
            f"`{name}` is no option; vLLM would take it for {words}", origin, key=key,
            label=f"write `{likely}` if that is meant",
            hint=where + "an abbreviation changes its meaning when a release adds an option",
            fix=in_its_manner(facts, origin, likely),
            safe=meant == (likely,)
            and name not in _SECTIONS
            and not isinstance(setting.value, dict),
        )  # fmt: skip
    near = facts.options.nearest(name) if suggest else ()
    return RULE.finding(
        f"unknown vLLM option `{name}` (vLLM {release})", origin, key=key,
        label=f"did you mean `{near[0]}`?" if near else "",
        hint="" if near else "`vllm serve --help=all` lists the options",
        fix=in_its_manner(facts, origin, near[0]) if near else None,
        safe=bool(near) and is_slip(name, near[0], facts.options.names()),
    )  # fmt: skip


def _by_hand(facts: Facts, name: str) -> str | None:
    """What is known to be meant by a word that happens to begin the name of another option."""
    from mixvllm.vllm.synonyms import PHRASES  # not needed where every name is right

    return next((option for option in PHRASES.get(name, ()) if facts.options.find(option)), None)


def _turned(setting: EngineSetting, name: str) -> Fix | None:
    """``no-enforce-eager: true`` as ``enforce-eager: false``."""
    if not isinstance(setting.value, bool):
        return None
    return entry(setting.place, f"{name}: {shown(not setting.value)}")


def _advice(facts: Facts, setting: EngineSetting) -> tuple[str, str]:
    """What became of a removed option, and what to write instead."""
    became, instead = REMOVED.get(setting.name, ("", ""))
    writes = moved_option(setting.name, setting.value)
    if writes and not instead:
        return became, f"write `{in_words(writes)}`"
    near = () if became else facts.options.nearest(setting.name)
    return became, instead or (f"see `{near[0]}`" if near else "")


RULE = Rule("MX200", "unknown-option", Severity.ERROR, check)
_ABBREVIATED = Rule("MX201", "abbreviated-option", Severity.ERROR, check)
_REMOVED = Rule("MX210", "removed-option", Severity.ERROR, check)
_TOO_NEW = Rule("MX212", "option-too-new", Severity.ERROR, check)
