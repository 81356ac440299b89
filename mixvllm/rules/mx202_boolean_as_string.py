"""MX202: a boolean written as a string."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import FileSpan
from mixvllm.rules.base import Facts, Rule, shown, switch
from mixvllm.rules.values import problems


def check(facts: Facts) -> Iterator[Diagnostic]:
    """In a file given to `vllm serve --config`, ``enforce-eager: "false"`` turns eager mode *on*
    and takes ``false`` for the model (vLLM 0.32.0, `utils/argparse_utils.py`).
    """
    for problem in problems(facts, RULE.code):
        is_on = switch(problem.value)
        meant = None if is_on is None else shown(is_on)
        place = problem.setting.place.value
        bare = isinstance(place, FileSpan) and not facts.resolved.is_quoted(place)
        yield RULE.finding(
            f"`{problem.setting.name}` takes true or false, this is a string",
            place,
            key=problem.setting.key,
            label=f"write {meant}{'' if bare else ', without quotes'}"
            if meant
            else "write true or false",
            fix=meant if problem.is_whole else None,
        )


RULE = Rule("MX202", "boolean-as-string", Severity.ERROR, check)
