"""Each request's metrics need statistics.

vLLM 0.32.0, `entrypoints/launchers/cli_args.py`, `validate_parsed_serve_args`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when statistics are switched off."""
    metrics = facts.switched_on("enable-per-request-metrics")
    off = facts.switched_on("disable-log-stats")
    if metrics is not None and off is not None:
        yield contradicts(
            RULE, metrics, off, "without statistics there is nothing to answer with",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "request-metrics", Severity.ERROR, check, since="0.25")
