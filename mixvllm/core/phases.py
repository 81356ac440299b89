"""The phases of a vLLM start, in order.

They follow what vLLM 0.32.0 logs (its `entrypoints/`, `v1/engine/core.py` and
`v1/worker/`); `mixvllm.vllm.logs` knows the phrases.
"""

from enum import StrEnum


class Phase(StrEnum):
    """Where a start stands. The order of the members is the order in time."""

    IMPORTS = "imports"  # Python and torch load; vLLM says nothing yet
    CONFIG = "config"  # arguments parsed, the model's configuration read
    ENGINE = "engine"  # the engine process and its workers start
    WEIGHTS = "weights"  # the model's weights are read
    WARMUP = "warm-up"  # compilation, memory profile, KV cache, graphs
    SERVING = "serving"  # the HTTP server comes up
    CANARY = "canary"  # our own first completion

    @property
    def order(self) -> int:
        """0 for the first."""
        return list(Phase).index(self)
