"""Traces need a place to be sent to.

vLLM 0.32.0, `config/observability.py`, `_validate_tracing_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused without an endpoint."""
    setting = facts.setting("collect-detailed-traces")
    if setting is None or setting.value in (None, "", []):
        return
    if facts.value_of("otlp-traces-endpoint") in (None, ""):
        yield needs(RULE, setting, "otlp-traces-endpoint", "traces are sent there")


RULE = Rule("MX240", "detailed-traces", Severity.ERROR, check)
