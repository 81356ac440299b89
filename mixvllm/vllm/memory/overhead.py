"""What vLLM needs of a card beside weights and KV cache: intervals, each with its reason.

None of it is written anywhere before the start; vLLM measures it with a profiling run. So each use
of memory is an interval here, with what it depends on. The lower ends decide that a model does not
fit, the upper ends that it does.
"""

from dataclasses import dataclass
from typing import Final

from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.memory.activation import NOTHING, Span, activation, has_experts
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.graphs import graphs, in_budget
from mixvllm.vllm.memory.part import Part
from mixvllm.vllm.memory.runner import uses_second_runner
from mixvllm.vllm.memory.unknown import UnknownLayout
from mixvllm.vllm.table import numbers

_GIB: Final = 2**30
_ALL_SINCE: Final = "0.27.0"  # everything that is not free any more counts, not PyTorch's peak
_NCCL_INSIDE_BEFORE: Final = "0.11.0"  # it was set up after the first look at the card
# Jetson Orin and Thor, GB10: what the host takes meanwhile counts too; one log of a GB10 has 4.6.
_UNIFIED: Final = ((8, 7), (11, 0), (12, 1))
_OF_THE_HOST: Final = 6.0  # GiB
_COUNTED: Final = 4.125  # bytes for each request and word: 32 bits and a mask of one


@dataclass(frozen=True, slots=True)
class Use:
    """One use of memory, in bytes. ``why`` is a phrase for the operator."""

    name: str  # "activations", "CUDA graphs", ...
    low: int
    high: int
    why: str
    in_budget: bool = True  # False: beside what gpu_memory_utilization allows


@dataclass(frozen=True, slots=True)
class Overhead:
    """All of them, of one rank."""

    parts: tuple[Use, ...] = ()

    @property
    def low(self) -> int:
        """The least that is taken from the budget."""
        return sum(part.low for part in self.parts if part.in_budget)

    @property
    def high(self) -> int:
        """The most that is taken from the budget."""
        return sum(part.high for part in self.parts if part.in_budget)


def overhead(config: ModelConfig, deployment: Deployment, *, stage: int | None = None) -> Overhead:
    """What one rank needs.

    Args:
        config: the model's.
        deployment: with the batch and the sizes of graphs as they are settled.
        stage: of the pipeline; None: the last, which needs most.
    """
    if deployment.device != "cuda":
        return Overhead()
    try:
        part = Part.of(config)
    except UnknownLayout:
        part = Part(config.model_type, config.text)
    last = stage is None or stage == deployment.pipeline_parallel - 1
    uses = (
        _use("activations", activation(config, deployment, part, last=last), _batch(deployment)),
        _use("what stays allocated", _kept(config, deployment, part), _kept_why(deployment)),
        _use(
            "CUDA graphs",
            graphs(deployment, part),
            f"{len(deployment.cudagraph_capture_sizes)} sizes",
            in_budget=in_budget(deployment),
        ),
        _use("LoRA slots", _loras(deployment, part), f"{deployment.max_loras} adapters"),
        _use("context", _context(deployment), "CUDA and NCCL, before the first look", False),
    )
    return Overhead(tuple(use for use in uses if use.high > 0))


def _use(name: str, span: Span, why: str, in_budget: bool = True) -> Use:
    return Use(name, round(span.low), round(span.high), why, in_budget)


def _batch(deployment: Deployment) -> str:
    return (
        f"a batch of {deployment.max_num_batched_tokens} tokens in {deployment.max_num_seqs}"
        " requests"
    )


def _kept(config: ModelConfig, deployment: Deployment, part: Part) -> Span:
    """Kernels' workspaces, buffers of the runner and of communication.

    Of 0.9 to 0.26, logs have 0.02 to 0.1 GiB for dense models on one card, 1.4 for linear
    attention and experts on two with NCCL in it, and 1.9 at the most for experts on one. Of 0.27
    on, where PyTorch's own unused memory counts too, 0.2 to 0.4 GiB on one card and 1.2 on four
    with experts.
    """
    release = numbers(deployment.release)
    several = deployment.ranks > 1
    wide = several or has_experts(part)
    if release < numbers("0.8.0"):
        span = Span(0.2, 3.6 if several else 1.8)
    elif release < numbers(_ALL_SINCE):
        early = several and release < numbers(_NCCL_INSIDE_BEFORE)
        span = Span(0.05 if early else 0.0, 1.6 if wide else 0.5)
    else:
        span = Span(0.1, 1.8 if wide else 0.8)
    if deployment.compute_capability in _UNIFIED:
        span = Span(span.low, span.high + _OF_THE_HOST)
    words = part.optional("vocab_size")
    counted = 0.0
    if words and deployment.runner == "generate" and uses_second_runner(deployment, config):
        counted = _COUNTED * deployment.max_num_seqs * words
    return Span(span.low * _GIB + counted, span.high * _GIB + counted)


def _kept_why(deployment: Deployment) -> str:
    several = ", communication" if deployment.ranks > 1 else ""
    return f"workspaces of kernels, buffers of {deployment.max_num_seqs} requests{several}"


def _loras(deployment: Deployment, part: Part) -> Span:
    """A slot for each adapter: two thin matrices beside every matrix of a layer."""
    hidden, layers = part.optional("hidden_size"), part.optional("num_hidden_layers")
    if not deployment.max_loras or not hidden or not layers:
        return NOTHING
    inner = part.optional("intermediate_size") or 4 * hidden
    thin = 8 * hidden + 3 * (hidden + inner)  # queries, keys, values, output; gate, up, down
    layers = -(-layers // deployment.pipeline_parallel)
    whole = deployment.max_loras * deployment.max_lora_rank * layers * thin * 2
    experts = part.optional("num_experts", "num_local_experts", "n_routed_experts") or 0
    moe = part.optional("moe_intermediate_size") or 0
    routed = deployment.max_loras * deployment.max_lora_rank * layers * experts * 2
    return Span(
        whole / 2 / deployment.tensor_parallel,
        whole * 1.5 + routed * 3 * (hidden + moe),
    )


def _context(deployment: Deployment) -> Span:
    """What a process of CUDA holds before it does anything, and NCCL's buffers, of which there are
    some for each other rank.
    """
    if deployment.ranks > 1 and numbers(deployment.release) >= numbers(_NCCL_INSIDE_BEFORE):
        return Span(0.3 * _GIB, min(0.9 + 0.2 * deployment.ranks, 2.5) * _GIB)
    return Span(0.2 * _GIB, 0.7 * _GIB)
