"""MX805 and MX806: a certificate that does not work, or not now."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM opens its certificate only when the model is loaded, a minute into the start, and its
    message names no file.
    """
    tls = facts.seen.tls if facts.seen is not None else None
    if facts.seen is None or tls is None:
        return
    for option, what in (
        ("ssl-certfile", tls.certificate),
        ("ssl-keyfile", tls.key),
        ("ssl-ca-certs", tls.authorities),
    ):
        setting = facts.setting(option) or facts.setting("ssl-certfile")
        if what and setting is not None:
            yield RULE.finding(f"{setting.value} {what}", setting.place.value, key=setting.key)
    certificate = facts.setting("ssl-certfile")
    if certificate is None or tls.not_before is None or tls.not_after is None:
        return
    when = ""
    if tls.not_after < facts.seen.seen_at:
        when = f"ended on {tls.not_after:%Y-%m-%d}"
    elif tls.not_before > facts.seen.seen_at:
        when = f"begins on {tls.not_before:%Y-%m-%d}"
    if when:
        yield _TIME.finding(
            f"the certificate {certificate.value} {when}", certificate.place.value,
            key=certificate.key, label="clients would refuse it",
            hint="renew it, or set the clock of this machine",
        )  # fmt: skip


RULE = Rule("MX805", "tls-files", Severity.ERROR, check)
_TIME = Rule("MX806", "certificate-time", Severity.WARNING, check)
