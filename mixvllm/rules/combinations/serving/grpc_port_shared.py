"""A server for each rank, and one port.

vLLM 0.32.0, `entrypoints/launchers/cli_args.py`, `validate_grpc_port_arg`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused: they would all listen on the same one."""
    grpc, balancer = (
        facts.setting("grpc-port"),
        facts.switched_on("data-parallel-multi-port-external-lb"),
    )
    if grpc is not None and grpc.value is not None and balancer is not None:
        yield contradicts(
            RULE, grpc, balancer, "a server for each rank would listen there", remedy="take it out"
        )


RULE = Rule("MX241", "grpc-port-shared", Severity.ERROR, check, since="0.32")
