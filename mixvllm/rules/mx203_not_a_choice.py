"""MX203 and MX214: a value that is not, or no longer, among the option's choices."""

import difflib
from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule, shown
from mixvllm.rules.values import problems, some_choices
from mixvllm.settings.edit import flow
from mixvllm.settings.layers import Value
from mixvllm.vllm.history import choice_removed_in
from mixvllm.vllm.slip import is_slip


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The option takes one of a few words, and this is none of them."""
    for problem in problems(facts, RULE.code):
        choices = [str(choice) for choice in problem.option.choices or () if choice is not None]
        near = _near(problem.value, choices)
        gone = _removed(problem.option.name, problem.value, facts.options.release)
        if gone is not None:
            yield _REMOVED.finding(
                f"`{problem.setting.name}: {shown(problem.value)}` was removed in {gone}",
                problem.setting.place.value,
                key=problem.setting.key,
                hint=f"choices: {', '.join(choices)}",
            )
            continue
        count = f"{len(choices)} choices: " if len(choices) > 6 else ""
        told = some_choices(str(problem.value), choices)
        yield RULE.finding(
            f"`{problem.setting.name}` does not take `{shown(problem.value)}`"
            f" (vLLM {facts.options.release})",
            problem.setting.place.value,
            key=problem.setting.key,
            label=f"did you mean `{near}`?" if near else "",
            hint=f"{count}{told}",
            fix=flow(near) if near and problem.is_whole else None,
            safe=bool(near) and is_slip(str(problem.value), near, choices),
        )


def _near(value: Value, choices: list[str]) -> str:
    """The choice that may have been meant: of numbers the next one up, of words the one spelled
    most alike, in whatever case; "" for none.
    """
    if isinstance(value, int) and all(choice.isdecimal() for choice in choices):
        return next((c for c in sorted(choices, key=int) if int(c) >= value), "")
    folded = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(str(value).lower(), folded, n=1, cutoff=0.5)
    return folded[near[0]] if near else ""


def _removed(name: str, value: Value, before: str) -> str | None:
    if value is None or isinstance(value, str | int):
        return choice_removed_in(name, value, before)
    return None


RULE = Rule("MX203", "not-a-choice", Severity.ERROR, check)
_REMOVED = Rule("MX214", "choice-removed", Severity.ERROR, check)
