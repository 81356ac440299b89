"""Certificates are read again when their files change.

vLLM 0.32.0, `entrypoints/launchers/utils/ssl.py`, `SSLCertRefresher.__init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import idle


def check(facts: Facts) -> Iterator[Diagnostic]:
    """No file is watched unless key and certificate are named, or a file of CA certificates."""
    refresh = facts.switched_on("enable-ssl-refresh")
    if refresh is None or (facts.value_of("ssl-certfile") and facts.value_of("ssl-keyfile")):
        return
    if not (facts.value_of("ssl-certfile") and facts.value_of("ssl-ca-certs")):
        missing = "ssl-keyfile" if facts.value_of("ssl-certfile") else "ssl-certfile"
        yield idle(RULE, refresh, missing, "there are no two files to watch")


RULE = Rule("MX243", "tls-refresh", Severity.WARNING, check)
