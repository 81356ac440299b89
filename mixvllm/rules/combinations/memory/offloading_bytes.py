"""Offloading the KV cache needs the size of the memory for it.

vLLM 0.32.0, `v1/kv_offload/cpu/spec.py`, `CPUOffloadingSpec.__init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside, keys_of
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused without it, unless another specification, or the option of its own, gives it."""
    keys = inside(facts, "kv-transfer-config")
    connector, extra = keys.get("kv_connector"), keys.get("kv_connector_extra_config")
    if (
        connector is None
        or connector.value != "OffloadingConnector"
        or "kv_connector_module_path" in keys
    ):
        return
    known = {} if extra is None else keys_of(facts, extra)
    if "spec_name" in known or facts.setting("kv-offloading-size"):
        return
    given = known.get("cpu_bytes_to_use")
    if given is None or given.value == 0:
        yield needs(
            RULE, connector, "kv-transfer-config.kv_connector_extra_config.cpu_bytes_to_use",
            "memory is set aside for it", remedy="set it, or use kv-offloading-size instead",
        )  # fmt: skip


RULE = Rule("MX240", "offloading-bytes", Severity.ERROR, check, since="0.14.1")
