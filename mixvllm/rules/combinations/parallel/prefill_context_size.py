"""With prefill context parallelism, the cache is shared along it or along everything.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig._validate_parallel_config`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count
from mixvllm.rules.combinations.pairs import unfit

_SIZES: Final = (
    "prefill-context-parallel-size",
    "decode-context-parallel-size",
    "tensor-parallel-size",
)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Three sizes are left for the decode side: 1, the prefill side's, or all ranks of a stage."""
    prefill, decode, tensor = (count(facts, name) for name in _SIZES)
    if prefill is None or decode is None or tensor is None or prefill < 2:
        return
    allowed = sorted({1, prefill, tensor * prefill})
    setting = facts.setting("decode-context-parallel-size")
    if setting is not None and decode not in allowed:
        yield unfit(
            RULE, setting, f"is {decode}; beside prefill context parallelism it is one of"
            f" {', '.join(map(str, allowed))}", facts.setting(_SIZES[0]), facts.setting(_SIZES[2]),
            remedy=f"write one of {', '.join(map(str, allowed))}",
        )  # fmt: skip


RULE = Rule("MX242", "prefill-context-size", Severity.ERROR, check, since="0.26.0")
