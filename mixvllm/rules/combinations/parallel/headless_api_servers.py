"""A headless engine has no API server.

vLLM 0.32.0, `entrypoints/cli/serve.py`, `ServeSubcommand.cmd`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when API servers are counted all the same."""
    headless, servers = facts.switched_on("headless"), facts.setting("api-server-count")
    if headless is None or servers is None:
        return
    if isinstance(servers.value, int) and servers.value > 0:
        yield contradicts(
            RULE, servers, headless, "headless engines have no API server, so none can be counted",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "headless-api-servers", Severity.ERROR, check)
