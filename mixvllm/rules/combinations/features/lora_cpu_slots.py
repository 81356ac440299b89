"""LoRA adapters in main memory: at least as many as in one batch.

vLLM 0.32.0, `config/lora.py`, `_validate_lora_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import whole
from mixvllm.rules.combinations.pairs import misfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when fewer are kept than a batch may use."""
    slots, batch = facts.setting("max-cpu-loras"), facts.setting("max-loras")
    if facts.switched_on("enable-lora") is None or slots is None or batch is None:
        return
    kept, used = whole(slots), whole(batch)
    if kept is not None and used is not None and 0 < kept < used:
        yield misfit(
            RULE, slots, batch, f"a batch of {used} adapters needs as many in main memory",
            remedy=f"{used} or more",
        )  # fmt: skip


RULE = Rule("MX242", "lora-cpu-slots", Severity.ERROR, check)
