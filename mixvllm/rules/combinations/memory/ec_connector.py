"""A transfer of encoder outputs by nobody.

vLLM 0.32.0, `distributed/ec_transfer/ec_connector/factory.py`,
`ECConnectorFactory.get_connector_class`.
"""

from collections.abc import Iterator, Mapping

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import needs
from mixvllm.settings.typed import json_object


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The scheduler refuses to start without a connector's name."""
    setting = facts.setting("ec-transfer-config")
    if setting is None or "ec_connector" in inside(facts, "ec-transfer-config"):
        return
    if isinstance(setting.value, Mapping) or json_object(setting.value) is not None:
        yield needs(
            RULE, setting, "ec-transfer-config.ec_connector", "a connector sends what was encoded",
            remedy="set ec_connector",
        )  # fmt: skip


RULE = Rule("MX240", "ec-connector", Severity.ERROR, check)
