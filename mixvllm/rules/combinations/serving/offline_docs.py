"""The documentation of the API from files, and no documentation.

vLLM 0.32.0, `entrypoints/launchers/app.py`, `build_app`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import overruled


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Without documentation the files are passed over."""
    docs, off = facts.switched_on("enable-offline-docs"), facts.switched_on("disable-fastapi-docs")
    if docs is not None and off is not None:
        yield overruled(
            RULE, docs, off, "the server has no documentation", remedy="keep one of the two"
        )


RULE = Rule("MX243", "offline-docs", Severity.WARNING, check, since="0.14")
