"""Expert parallelism that grows and shrinks has one API server.

vLLM 0.32.0, `entrypoints/cli/serve.py`, `ServeSubcommand.cmd`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import overruled


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM starts one, with a line in its log."""
    servers, switch = facts.setting("api-server-count"), facts.switched_on("enable-elastic-ep")
    number = counted(servers)
    if servers is not None and switch is not None and number is not None and number > 1:
        yield overruled(RULE, servers, switch, "one API server is started", remedy="set it to 1")


RULE = Rule("MX243", "elastic-api-servers", Severity.WARNING, check, since="0.19.1")
