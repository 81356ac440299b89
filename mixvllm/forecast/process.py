"""What a process of the CPU build holds beside the weights: there the budget is main memory.

vLLM takes what its process holds after a trial run for what is not left for the cache (0.32.0,
`v1/worker/cpu_worker.py`, determine_available_memory): Python, PyTorch, the kernels that were
compiled, and the activations that stay.
"""

from typing import Final

from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.overhead import Overhead, Use

_GIB: Final = 2**30
_PROCESS: Final = (0.40, 1.6)  # two logs of a small model without compilation have 0.6 and 0.8
_COMPILED: Final = 1.5  # more, where it compiles


def process_of(deployment: Deployment) -> Overhead:
    """What one rank's process holds beside weights and cache."""
    low, high = _PROCESS
    high += 0.0 if deployment.enforce_eager else _COMPILED
    why = "Python, PyTorch and the trial run"
    return Overhead((Use("the process", round(low * _GIB), round(high * _GIB), why),))
