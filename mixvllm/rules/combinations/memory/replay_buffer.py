"""FlashInfer replays 16 steps at the most.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.validate_mamba_cached_kernel`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import misfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with a longer history."""
    length, backend = facts.setting("replayssm-buffer-len"), facts.setting("mamba-backend")
    steps = counted(length)
    if length is None or backend is None or steps is None or not facts.switched_on("use-replayssm"):
        return
    if isinstance(backend.value, str) and backend.value.lower() == "flashinfer" and steps > 16:
        yield misfit(
            RULE, length, backend, "FlashInfer replays 16 steps at the most", remedy="at most 16"
        )


RULE = Rule("MX242", "replay-buffer", Severity.ERROR, check, since="0.32.0")
