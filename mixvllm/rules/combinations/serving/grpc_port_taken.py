"""Two ports for two protocols.

vLLM 0.32.0, `entrypoints/launchers/cli_args.py`, `validate_grpc_port_arg`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import whole
from mixvllm.rules.combinations.pairs import misfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when gRPC and HTTP have the same one; 0 is any that is free."""
    grpc, http = facts.setting("grpc-port"), facts.setting("port")
    if grpc is None or http is None:
        return
    port = whole(grpc)
    if port and port == whole(http):
        yield misfit(RULE, grpc, http, "one port speaks one protocol", remedy="another port")


RULE = Rule("MX242", "grpc-port-taken", Severity.ERROR, check, since="0.32")
