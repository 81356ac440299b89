"""How much of a request is logged.

vLLM 0.32.0, `entrypoints/launchers/api_server/app_state.py`, `init_app_state`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import idle


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Passed over when requests are not logged."""
    length = facts.setting("max-log-len")
    if length is None or length.value is None or facts.switched_on("enable-log-requests"):
        return
    yield idle(RULE, length, "enable-log-requests", "no request is logged")


RULE = Rule("MX243", "log-length", Severity.WARNING, check)
