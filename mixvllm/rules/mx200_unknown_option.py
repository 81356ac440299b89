"""MX200, MX201, MX210, MX212: an option that this release of vLLM does not have."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.settings.engine import EngineSetting
from mixvllm.vllm.advice import REMOVED, TASKS
from mixvllm.vllm.history import added_in, removed_in


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM would say `unrecognized arguments` after 15 seconds of imports, or, where the name is
    the beginning of another option's, silently take it for that one.
    """
    for setting in facts.settings:
        if setting.option is None:
            yield _finding(facts, setting)


def _finding(facts: Facts, setting: EngineSetting) -> Diagnostic:
    name, release = setting.name, facts.options.release
    origin, key = setting.place.key, setting.key
    removed = removed_in(name, before=release)
    if removed:
        became, instead = _advice(facts, setting)
        return _REMOVED.finding(
            f"vLLM option `{name}` was removed in {removed}" + (f": {became}" if became else ""),
            origin, key=key, label=instead or "take it out",
            hint=f"this profile is checked against vLLM {release}",
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
            key=key, label=f"write `{negated.name}: false`",
        )  # fmt: skip
    meant = facts.options.prefixed_by(name)
    if meant:
        where = (
            "server.port and server.host have a section of their own; " if name == "serve" else ""
        )
        words = ", ".join(f"`{m}`" for m in meant[:3])
        return _ABBREVIATED.finding(
            f"`{name}` is no option; vLLM would take it for {words}", origin, key=key,
            label=f"write `{meant[0]}` if that is meant",
            hint=where + "an abbreviation changes its meaning when a release adds an option",
        )  # fmt: skip
    near = facts.options.nearest(name)
    return RULE.finding(
        f"unknown vLLM option `{name}` (vLLM {release})", origin, key=key,
        label=f"did you mean `{near[0]}`?" if near else "",
        hint="" if near else "`vllm serve --help=all` lists the options",
        fix=near[0] if near else None,
    )  # fmt: skip


def _advice(facts: Facts, setting: EngineSetting) -> tuple[str, str]:
    """What became of a removed option, and what to write instead."""
    if setting.name == "task":
        instead = TASKS.get(str(setting.value))
        return "runner and convert say it now", f"write `{instead}`" if instead else "see `runner`"
    if setting.name in REMOVED:
        return REMOVED[setting.name]
    near = facts.options.nearest(setting.name)
    return "", f"see `{near[0]}`" if near else ""


RULE = Rule("MX200", "unknown-option", Severity.ERROR, check)
_ABBREVIATED = Rule("MX201", "abbreviated-option", Severity.ERROR, check)
_REMOVED = Rule("MX210", "removed-option", Severity.ERROR, check)
_TOO_NEW = Rule("MX212", "option-too-new", Severity.ERROR, check)
