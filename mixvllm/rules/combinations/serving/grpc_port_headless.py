"""A headless engine has no server, for gRPC neither.

vLLM 0.32.0, `entrypoints/launchers/cli_args.py`, `validate_grpc_port_arg`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import whole
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with `headless`, and with no API server."""
    grpc, headless = facts.setting("grpc-port"), facts.switched_on("headless")
    servers = facts.setting("api-server-count")
    if grpc is None or grpc.value is None:
        return
    count = whole(servers)
    none = servers if count is not None and count < 1 else None
    if other := headless or none:
        yield contradicts(
            RULE, grpc, other, "there is no server that could listen", remedy="take it out"
        )


RULE = Rule("MX241", "grpc-port-headless", Severity.ERROR, check, since="0.32")
