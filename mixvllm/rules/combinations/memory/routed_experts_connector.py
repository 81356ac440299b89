"""The experts of a prompt that another engine read.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig._verify_aux_output_compatibility`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts

_CONNECTORS: Final = (
    "NixlConnector",
    "NixlPullConnector",
    "NixlPushConnector",
    "MoRIIOConnector",
    "MooncakeConnector",
)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """These connectors bring the blocks and not the experts."""
    switch = facts.switched_on("enable-return-routed-experts")
    connector = inside(facts, "kv-transfer-config").get("kv_connector")
    if switch is not None and connector is not None and connector.value in _CONNECTORS:
        yield contradicts(
            RULE, switch, connector, "blocks come without the experts that made them",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "routed-experts-connector", Severity.ERROR, check, since="0.22.1")
