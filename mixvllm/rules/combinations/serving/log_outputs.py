"""Logging answers needs logging requests.

vLLM 0.32.0, `entrypoints/launchers/cli_args.py`, `validate_parsed_serve_args`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when requests are not logged."""
    setting = facts.switched_on("enable-log-outputs")
    if setting is not None and facts.switched_on("enable-log-requests") is None:
        yield needs(RULE, setting, "enable-log-requests", "outputs are logged with their requests")


RULE = Rule("MX240", "log-outputs", Severity.ERROR, check)
