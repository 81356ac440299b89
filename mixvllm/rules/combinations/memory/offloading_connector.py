"""A KV connector, and an offloading that brings its own.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig._post_init_kv_transfer_config`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import overruled

_OWN: Final = (
    "OffloadingConnector",
    "SimpleCPUOffloadConnector",
    "LMCacheConnectorV1",
    "LMCacheMPConnector",
)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The connector of the offloading takes the place of the one that was written."""
    size = facts.setting("kv-offloading-size")
    connector = inside(facts, "kv-transfer-config").get("kv_connector")
    if size is None or size.value is None or connector is None:
        return
    if connector.value not in _OWN:
        yield overruled(
            RULE, connector, size, "offloading brings its own connector",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX243", "offloading-connector", Severity.WARNING, check, since="0.14.1")
