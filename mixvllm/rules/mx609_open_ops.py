"""MX609: the toolkit's own endpoint, open to the network."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.mx604_open_api import is_loopback


def check(facts: Facts) -> Iterator[Diagnostic]:
    """It names the model, the profile's path, processes and figures of the machine."""
    host = facts.resolved.value("ops", "host")
    if not isinstance(host, str) or is_loopback(host):
        return
    if facts.resolved.value("ops", "enabled") is False:
        return
    if facts.resolved.value("ops", "token_file") is None:
        yield RULE.finding(
            f"the ops endpoint is open to the network at {host} without a token",
            facts.place(("ops", "host")).value, key=("ops", "host"),
            label="set ops.token_file, or host: 127.0.0.1",
        )  # fmt: skip


RULE = Rule("MX609", "open-ops", Severity.ERROR, check)
