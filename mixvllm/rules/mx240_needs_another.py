"""MX240: an option that does nothing, or is refused, without another one."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule

# option, the option it needs, why: `validate_parsed_serve_args` (vLLM 0.32.0,
# `entrypoints/launchers/cli_args.py`).
_NEEDS = (
    ("enable-auto-tool-choice", "tool-call-parser", "tool calls are found in the text by a parser"),
    ("enable-log-outputs", "enable-log-requests", "outputs are logged with their requests"),
)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM refuses the one without the other, after all its imports."""
    for name, needed, why in _NEEDS:
        setting, other = facts.setting(name), facts.setting(needed)
        if setting is None or setting.value is not True:
            continue
        if other is None or other.value in (None, False, ""):
            yield RULE.finding(
                f"`{name}` needs `{needed}`: {why}",
                setting.place.key,
                key=setting.key,
                label=f"set {needed} too",
            )


RULE = Rule("MX240", "needs-another-option", Severity.ERROR, check)
