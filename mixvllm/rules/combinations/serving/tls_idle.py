"""Options of TLS, and no TLS.

vLLM 0.32.0, `entrypoints/launchers/launcher.py`, `serve_http`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import idle


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Passed over without a certificate: the server speaks plain HTTP."""
    if facts.value_of("ssl-certfile") or facts.value_of("ssl-keyfile"):
        return
    for name in ("ssl-ca-certs", "ssl-cert-reqs", "ssl-ciphers"):
        setting = facts.setting(name)
        if setting is not None and setting.value not in (None, "", 0):
            yield idle(RULE, setting, "ssl-certfile", "the server speaks plain HTTP")


RULE = Rule("MX243", "tls-idle", Severity.WARNING, check)
