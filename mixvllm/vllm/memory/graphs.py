"""What CUDA graphs take: an estimate of vLLM's that counts, and what they really take."""

from typing import Final

from mixvllm.vllm.memory.activation import NOTHING, Span
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.part import Part
from mixvllm.vllm.table import numbers

_MIB: Final = 2**20
# vLLM subtracts its estimate since (VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS, envs.py of 0.19.1
# and 0.20.2); before, graphs are captured in what gpu_memory_utilization leaves free.
ESTIMATED_SINCE: Final = "0.20.0"
# MiB for each layer and size. Eight logs of 0.10.2 to 0.28 have 0.22 to 0.35 for dense models and
# 0.32 to 0.75 for experts; 0.9.2 had 0.95.
_TAKEN: Final = (0.2, 1.0)
# The estimate was 1.2 and 2.2 times what was taken in two logs, and up to 3.9 times in others.
_ESTIMATED: Final = (0.15, 1.0)


def graphs(deployment: Deployment, part: Part) -> Span:
    """All graphs of one rank."""
    layers = part.optional("num_hidden_layers", "n_layer", "num_layers") or 32
    pieces = -(-layers // deployment.pipeline_parallel) * len(deployment.cudagraph_capture_sizes)
    if not pieces:
        return NOTHING
    low, high = _ESTIMATED if in_budget(deployment) else _TAKEN
    return Span(low * pieces * _MIB, high * pieces * _MIB)


def in_budget(deployment: Deployment) -> bool:
    """Whether graphs come out of what gpu_memory_utilization allows."""
    return numbers(deployment.release) >= numbers(ESTIMATED_SINCE)
