"""Endpoints that are not logged.

vLLM 0.32.0, `entrypoints/launchers/utils/server_utils.py`, `get_uvicorn_log_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import overruled


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Passed over when nothing is logged, or when a file sets up the log."""
    endpoints = facts.setting("disable-access-log-for-endpoints")
    if endpoints is None or not endpoints.value:
        return
    off, file = facts.switched_on("disable-uvicorn-access-log"), facts.setting("log-config-file")
    if off is not None:
        yield overruled(
            RULE, endpoints, off, "no access is logged", remedy="take one of the two out"
        )
    elif file is not None and file.value:
        yield overruled(
            RULE, endpoints, file, "the file says what is logged", remedy="write it into the file"
        )


RULE = Rule("MX243", "access-log-endpoints", Severity.WARNING, check, since="0.16")
