"""MX804: one port for two parts of the profile."""

import ipaddress
from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.core.origin import KeyPath, dotted
from mixvllm.rules.base import Facts, Rule


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Whichever starts second finds the port taken. The terminal counts when it is enabled, the
    toolkit's own endpoint when its port is written.
    """
    parts = ["server"]
    ops: KeyPath = ("ops", "port")
    if ops in facts.resolved.places and facts.resolved.value("ops", "enabled") is not False:
        parts.append("ops")
    if facts.resolved.value("terminal", "enabled") is True:
        parts.append("terminal")
    for i, second in enumerate(parts):
        for first in parts[:i]:
            port = facts.resolved.setting(first, "port")
            if port != facts.resolved.setting(second, "port") or not _overlap(facts, first, second):
                continue
            ours, theirs = (second, "port"), (first, "port")
            if ours not in facts.resolved.places:
                ours, theirs = theirs, ours
            yield RULE.finding(
                f"{dotted(theirs)} and {dotted(ours)} are both {port}", facts.place(ours).value,
                key=ours, label="choose another port",
                related=(Related(facts.place(theirs).value, "the same here"),)
                if theirs in facts.resolved.places else (),
            )  # fmt: skip


def _overlap(facts: Facts, first: str, second: str) -> bool:
    """Whether the two listen on one address; names are not looked up."""
    hosts = {str(facts.resolved.setting(part, "host")) for part in (first, second)}
    hosts = {"127.0.0.1" if host == "localhost" else host for host in hosts}
    return len(hosts) == 1 or any(map(_is_every, hosts))


def _is_every(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


RULE = Rule("MX804", "same-port", Severity.ERROR, check)
