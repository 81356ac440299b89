"""MX802 and MX803: the address of the API, tried on this machine."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule, shown
from mixvllm.rules.machine import Trouble

_PORT = ("server", "port")
_HOST = ("server", "host")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM binds its port after half a minute of imports and does not say who has it. What has
    it now may be gone at the start, and the profile may be for another machine: warnings, and
    `serve` tries again and refuses.
    """
    if facts.seen is None or facts.seen.api is None:
        return
    trouble, words = facts.seen.api.trouble, facts.seen.api.words
    host = shown(facts.resolved.setting(*_HOST))
    port = facts.resolved.setting(*_PORT)
    match trouble:
        case Trouble.TAKEN:
            yield RULE.finding(
                f"port {port} on {host} is taken by {words}", facts.place(_PORT).value, key=_PORT,
                hint="`serve` would refuse to start; stop that one, or choose another port",
            )  # fmt: skip
        case Trouble.OURS:
            yield RULE.finding(
                f"port {port} is served by this profile already: {words}",
                facts.place(_PORT).value, key=_PORT, severity=Severity.INFO,
            )  # fmt: skip
        case Trouble.NOT_HERE:
            yield _ADDRESS.finding(
                f"{host} is no address of this machine", facts.place(_HOST).value, key=_HOST,
                hint="`ip addr` lists those it has; 0.0.0.0 stands for all of them",
            )  # fmt: skip
        case Trouble.NO_NAME:
            yield _ADDRESS.finding(
                f"the host name `{host}` {words}", facts.place(_HOST).value, key=_HOST,
                hint="write an address, or a name that this machine knows",
            )  # fmt: skip
        case Trouble.NOT_ALLOWED:
            yield _ADDRESS.finding(
                f"port {port} is not allowed for this user", facts.place(_PORT).value, key=_PORT,
                hint="low ports need root, or the capability CAP_NET_BIND_SERVICE",
            )  # fmt: skip
        case Trouble.OTHER:
            yield _ADDRESS.finding(
                f"port {port} on {host} cannot be listened on: {words}",
                facts.place(_HOST).value, key=_HOST,
            )  # fmt: skip


RULE = Rule("MX802", "port-taken", Severity.WARNING, check)
_ADDRESS = Rule("MX803", "address-refused", Severity.WARNING, check)
