"""Batches are overlapped with few ways of sending tokens to experts.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.__post_init__`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count
from mixvllm.rules.combinations.pairs import needs

_BACKENDS: Final = ("deepep_low_latency", "deepep_high_throughput", "nixl_ep")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The default way is not among them."""
    parts = count(facts, "ubatch-size")
    switch = facts.switched_on("enable-dbo") or (
        facts.setting("ubatch-size") if parts is not None and parts > 1 else None
    )
    backend = facts.value_of("all2all-backend")
    if switch is not None and isinstance(backend, str) and backend not in _BACKENDS:
        yield needs(
            RULE, switch, "all2all-backend", f"{backend} cannot overlap batches",
            remedy=f"set all2all-backend to {' or '.join(_BACKENDS)}",
        )  # fmt: skip


RULE = Rule("MX240", "overlap-backend", Severity.ERROR, check, since="0.16.0", until="0.33.0")
