"""MX205 and MX206: suffixes of numbers, and short flags."""

import re
from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.values import problem_of, problems
from mixvllm.vllm.option import Kind, Option
from mixvllm.vllm.quantity import SUFFIXES, human_integer

_HUMAN = (Kind.HUMAN_INTEGER, Kind.HUMAN_INTEGER_OR_AUTO)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM knows k, m, g, t (powers of 1000) and K, M, G, T (powers of 1024), on some options."""
    for problem in problems(facts, RULE.code):
        text = str(problem.value)
        meant, hint = _meant(problem.option, text)
        yield RULE.finding(
            f"`{problem.setting.name}` does not understand {text}",
            problem.setting.place.value,
            key=problem.setting.key,
            label=f"write {meant}" if meant else "write the number in full",
            hint=hint,
            fix=meant if problem.is_whole else None,
            safe=re.fullmatch(r"\d+\s*[kmgt]ib?", text, re.IGNORECASE) is not None,
        )
    for setting in facts.settings:
        value, option = setting.value, setting.option
        if option is not None and not setting.named and facts.options.is_short(setting.name):
            yield _SHORT.finding(
                f"`{setting.name}` is vLLM's short flag of `{option.name}`",
                setting.place.key,
                key=setting.key,
            )
        if (
            setting.option is None
            or setting.option.kind not in _HUMAN
            or not isinstance(value, str)
        ):
            continue
        if re.fullmatch(r"\d+[kmgt]", value) and problem_of(setting.option, value) is None:
            yield _K.finding(
                f"{value} is {_amount(value)}; {value.upper()} would be {_amount(value.upper())}",
                setting.place.value,
                key=setting.key,
            )


def _meant(option: Option, text: str) -> tuple[str | None, str]:
    """What to write instead, and why: binary, unless a fraction forbids it; a suffix that the
    option has no word for (``5b``) leaves only the number itself.
    """
    match = re.match(r"(\d+(?:\.\d+)?)\s*([A-Za-z])", text)
    if match is not None and option.name.endswith("-gb") and match[2] in "gG":
        return match[1], "its unit is GiB, as its name says"
    if match is None or option.kind not in _HUMAN:
        return None, ""
    small, large = f"{match[1]}{match[2].lower()}", f"{match[1]}{match[2].upper()}"
    letters = option.suffixes or SUFFIXES
    if "." in match[1]:
        if match[2].lower() not in letters:
            return None, ""
        return small, f"{small} is {_amount(small)}; before a large letter stands no fraction"
    if match[2].upper() not in letters:
        return None, f"the letters are {', '.join(letters)}"
    return large, f"{small} is {_amount(small)}, {large} is {_amount(large)}"


def _amount(text: str) -> str:
    try:
        return str(human_integer(text))
    except (ValueError, OverflowError):  # hundreds of digits
        return "more than can be written"


RULE = Rule("MX205", "number-suffix", Severity.ERROR, check)
_SHORT = Rule("MX205", "short-flag", Severity.INFO, check)
_K = Rule("MX206", "k-is-1000", Severity.INFO, check)
