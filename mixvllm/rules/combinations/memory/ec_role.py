"""An encoder cache connector without its part.

vLLM 0.32.0, `config/ec_transfer.py`, `ECTransferConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """It sends, or receives, or in newer releases both."""
    keys = inside(facts, "ec-transfer-config")
    connector = keys.get("ec_connector")
    if connector is None or "ec_role" in keys:
        return
    yield needs(
        RULE, connector, "ec-transfer-config.ec_role",
        "this engine encodes for others, or takes what they encoded",
        remedy="set ec_role to ec_producer or ec_consumer",
    )  # fmt: skip


RULE = Rule("MX240", "ec-role", Severity.ERROR, check)
