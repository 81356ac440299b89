"""MX118 and MX801: how vLLM is started."""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.values import unspeakable
from mixvllm.vllm.installation import command_words

_KEY: Final = ("vllm", "command")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A text is split into words as a shell does it; the first word is the program. One that
    cannot be started here may be there on the machine that the profile is for.
    """
    place = facts.place(_KEY).value
    try:
        words = command_words(facts.resolved.value(*_KEY))
    except ValueError as error:
        yield RULE.finding(
            f"`vllm.command` {error}", place, key=_KEY,
            hint="name the program that starts vLLM, or leave vllm.command out",
        )  # fmt: skip
        return
    trouble = next((t for word in words or () if (t := unspeakable(word))), None)
    if trouble is not None:
        yield RULE.finding(f"`vllm.command`: a word of it {trouble}", place, key=_KEY)
    elif words is not None and facts.machine and facts.no_command:
        yield _NOT_HERE.finding(
            facts.no_command, place, key=_KEY,
            hint="`serve` will refuse it on this machine; the rendered command keeps your words",
        )  # fmt: skip


RULE = Rule("MX118", "vllm-command", Severity.ERROR, check)
_NOT_HERE = Rule("MX801", "command-not-here", Severity.WARNING, check)
