"""MX816: vLLM's processes are told an address of another machine."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule


def check(facts: Facts) -> Iterator[Diagnostic]:
    """VLLM_HOST_IP is where the processes of one engine look for each other. In an image or a
    unit that was made elsewhere it is another machine's.
    """
    for name in facts.seen.foreign if facts.seen is not None else ():
        given = facts.variable(name)
        if given is not None:
            text, origin, key = given
            yield RULE.finding(
                f"{name} is `{text}`, which is no address of this machine", origin, key=key,
                hint="take it out, or give an address that `ip addr` lists",
            )  # fmt: skip


RULE = Rule("MX816", "foreign-address", Severity.WARNING, check)
