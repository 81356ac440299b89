"""A key needs its certificate.

vLLM 0.32.0, `entrypoints/launchers/launcher.py`, `serve_http`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The start ends in an assertion of uvicorn.

    A certificate alone is fine: its file may hold the key.
    """
    key = facts.setting("ssl-keyfile")
    if key is not None and key.value not in (None, "") and not facts.value_of("ssl-certfile"):
        yield needs(RULE, key, "ssl-certfile", "a key proves nothing without its certificate")


RULE = Rule("MX240", "tls-key-alone", Severity.ERROR, check)
