"""NIXL sends a cache that is shared by all ranks, or by none.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.__post_init__`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import unfit

_SIZES: Final = (
    "decode-context-parallel-size",
    "tensor-parallel-size",
    "prefill-context-parallel-size",
)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused where groups of ranks share it."""
    setting = facts.setting("decode-context-parallel-size")
    connector = inside(facts, "kv-transfer-config").get("kv_connector")
    decode, tensor, prefill = (count(facts, name) for name in _SIZES)
    if setting is None or connector is None or connector.value != "NixlConnector":
        return
    if not decode or tensor is None or prefill is None:
        return
    whole = max(tensor, prefill)
    divides = prefill > 1 or tensor % decode == 0  # else `decode-context-size` speaks
    if divides and decode not in (1, whole):
        yield unfit(
            RULE, setting, f"is {decode}; NIXL sends a cache that 1 or all {whole} ranks share",
            connector, facts.setting("tensor-parallel-size"), remedy=f"write 1 or {whole}",
        )  # fmt: skip


RULE = Rule("MX242", "nixl-context", Severity.ERROR, check, since="0.30.0")
