"""MX115 and MX116: the release of vLLM that the profile is checked against."""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.settings.written import written
from mixvllm.vllm.options import UnknownRelease, options_of

_KEY: Final = ("vllm", "version")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Without quotes a release of two parts is a number, and 0.30 is 0.3. A release that is not
    known here cannot be checked against; the newest known one stands in for it.
    """
    value = facts.resolved.value(*_KEY)
    place = facts.place(_KEY).value
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = written(facts.resolved.texts, place) or str(value)
        yield RULE.finding(
            f"`vllm.version` is a number here, {value}, and a release is a text", place, key=_KEY,
            label=f'write "{text}"', fix=f'"{text}"',
        )  # fmt: skip
        return
    if not isinstance(value, str):
        return
    try:
        options_of(value)
    except UnknownRelease as error:
        yield _UNKNOWN.finding(
            f"vLLM {value!r} is no release that is known here"
            f" (checked against {facts.options.release} instead)",
            place, key=_KEY, label=f'the nearest is "{error.nearest}"',
            hint="an unreleased or newer vLLM may still be started: leave vllm.version out",
        )  # fmt: skip


RULE = Rule("MX115", "version-is-number", Severity.ERROR, check)
_UNKNOWN = Rule("MX116", "unknown-release", Severity.ERROR, check)
