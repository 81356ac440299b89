"""MX202: a boolean written as a string."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.values import problems

_MEANT = {"true": "true", "yes": "true", "on": "true", "1": "true",
          "false": "false", "no": "false", "off": "false", "0": "false"}  # fmt: skip


def check(facts: Facts) -> Iterator[Diagnostic]:
    """In a file given to `vllm serve --config`, ``enforce-eager: "false"`` turns eager mode *on*
    and takes ``false`` for the model (vLLM 0.32.0, `utils/argparse_utils.py`).
    """
    for problem in problems(facts, RULE.code):
        meant = _MEANT.get(str(problem.value).lower())
        yield RULE.finding(
            f"`{problem.setting.name}` takes true or false, this is a string",
            problem.setting.place.value,
            key=problem.setting.key,
            label=f"write {meant}, without quotes" if meant else "write true or false",
            fix=meant,
        )


RULE = Rule("MX202", "boolean-as-string", Severity.ERROR, check)
