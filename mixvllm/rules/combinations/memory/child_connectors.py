"""Several KV connectors in one, and none of them named.

vLLM 0.32.0, `distributed/kv_transfer/kv_connector/v1/multi_connector.py`,
`MultiConnector._get_connector_classes_and_configs`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside, keys_of
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """They stand in its extra configuration."""
    keys = inside(facts, "kv-transfer-config")
    connector, extra = keys.get("kv_connector"), keys.get("kv_connector_extra_config")
    if (
        connector is None
        or connector.value != "MultiConnector"
        or "kv_connector_module_path" in keys
    ):
        return
    if extra is None or "connectors" not in keys_of(facts, extra):
        yield needs(
            RULE, connector, "kv-transfer-config.kv_connector_extra_config.connectors",
            "it puts several connectors together",
            remedy="list them under kv_connector_extra_config",
        )  # fmt: skip


RULE = Rule("MX240", "child-connectors", Severity.ERROR, check)
