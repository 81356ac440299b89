"""MX601: a terminal that the network can reach."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.mx604_open_api import is_loopback


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Whoever is in the terminal has the rights of its user. Without TLS the token is read on
    the way; without a login nobody needs one. How the API is guarded changes nothing of that.
    """
    host = facts.resolved.value("terminal", "host")
    if facts.resolved.value("terminal", "enabled") is not True or not isinstance(host, str):
        return
    if is_loopback(host):
        return
    no_login = facts.resolved.value("terminal", "auth") == "none"
    if not no_login and facts.resolved.value("terminal", "tls") is True:
        return
    why = "without a login" if no_login else "without TLS: its token can be read on the way"
    enabled = facts.place(("terminal", "enabled"))
    yield RULE.finding(
        f"the terminal is open to the network at {host} {why}",
        facts.place(("terminal", "host")).value,
        key=("terminal", "host"),
        label="set host: 127.0.0.1, and come by ssh or a proxy",
        hint="or set terminal.auth: token" if no_login else "or set terminal.tls: true",
        related=(Related(enabled.value, "enabled here"),),
    )


RULE = Rule("MX601", "open-terminal", Severity.ERROR, check)
