"""Tensors in shared memory reach one rank.

vLLM 0.32.0, `config/model.py`, `ModelConfig.verify_with_parallel_config`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import whole
from mixvllm.rules.combinations.pairs import contradicts

_SIZES: Final = ("tensor-parallel-size", "pipeline-parallel-size", "data-parallel-size")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused for multimodal models with more; others never look at it."""
    ipc = facts.setting("mm-tensor-ipc")
    if ipc is None or ipc.value != "torch_shm":
        return
    for name in _SIZES:
        ranks = facts.setting(name)
        if ranks is not None and (whole(ranks) or 1) > 1:
            yield contradicts(
                RULE, ipc, ranks, "shared memory reaches the first rank only",
                remedy="leave it at direct_rpc",
            )  # fmt: skip
            return


RULE = Rule("MX241", "tensor-ipc-ranks", Severity.WARNING, check, since="0.19")
