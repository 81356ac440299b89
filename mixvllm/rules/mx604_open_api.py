"""MX604 and MX605: an API, and a terminal beside it, that the network can reach."""

import ipaddress
from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.mx606_api_key import has_key


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host in ("localhost", "ip6-localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Whoever reaches the port may use the model, and fill the cards with work."""
    host = facts.resolved.value("server", "host")
    if not isinstance(host, str) or is_loopback(host) or has_key(facts):
        return
    place = facts.place(("server", "host"))
    yield RULE.finding(
        f"the API is open to the network at {host} without a key", place.value,
        key=("server", "host"), label="set server.api_key_file, or host: 127.0.0.1",
    )  # fmt: skip
    if facts.resolved.value("terminal", "enabled") is True:
        terminal = facts.place(("terminal", "enabled"))
        on = facts.resolved.value("terminal", "host") or "127.0.0.1"
        port = facts.resolved.value("terminal", "port") or 8888
        yield _TERMINAL.finding(
            "the terminal is enabled beside an API that is open to the network without a key",
            terminal.value, key=("terminal", "enabled"),
            hint=f"the terminal itself is set to {on}:{port}, login by"
            f" {facts.resolved.value('terminal', 'auth') or 'token'}",
            related=(Related(place.value, "the open API"),),
        )  # fmt: skip


RULE = Rule("MX604", "open-api", Severity.WARNING, check)
_TERMINAL = Rule("MX605", "terminal-beside-open-api", Severity.WARNING, check)
