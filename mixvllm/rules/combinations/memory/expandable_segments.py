"""KV blocks that are sent must not move in memory.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig._verify_kv_transfer_compat`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside

_VARIABLE: Final = "PYTORCH_CUDA_ALLOC_CONF"


def check(facts: Facts) -> Iterator[Diagnostic]:
    """PyTorch's expandable segments move them, unless vLLM's own allocator holds them."""
    connector = inside(facts, "kv-transfer-config").get("kv_connector")
    segments = facts.variable(_VARIABLE)
    if connector is None or segments is None:
        return
    if any(map(facts.switched_on, ("enable-sleep-mode", "enable-cumem-allocator"))):
        return
    text, origin, _ = segments
    if "expandable_segments:True" in text:
        yield RULE.finding(
            f"`{connector.name}` contradicts {_VARIABLE}: expandable segments move the blocks that"
            " are sent",
            connector.place.key,
            key=connector.key,
            label=f"take expandable_segments out of {_VARIABLE}",
            related=(Related(origin, "set here"),),
        )


RULE = Rule("MX241", "expandable-segments", Severity.ERROR, check, since="0.21.0")
