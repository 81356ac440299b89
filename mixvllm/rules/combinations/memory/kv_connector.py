"""A transfer of KV blocks by nobody.

vLLM 0.32.0, `distributed/kv_transfer/kv_connector/factory.py`,
`KVConnectorFactory.get_connector_class`.
"""

from collections.abc import Iterator, Mapping

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import needs
from mixvllm.settings.typed import json_object


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The scheduler refuses to start without a connector's name."""
    setting = facts.setting("kv-transfer-config")
    if setting is None or "kv_connector" in inside(facts, "kv-transfer-config"):
        return
    if facts.setting("kv-offloading-size") or facts.setting("kv-offloading-backend"):
        return  # it brings its own
    if isinstance(setting.value, Mapping) or json_object(setting.value) is not None:
        yield needs(
            RULE, setting, "kv-transfer-config.kv_connector", "a connector sends the blocks",
            remedy="set kv_connector",
        )  # fmt: skip


RULE = Rule("MX240", "kv-connector", Severity.ERROR, check)
