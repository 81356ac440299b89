"""What a profiling run of vLLM has in memory at its worst moment, beside the weights.

vLLM runs a batch of the largest size through the model before it sizes the cache (0.32.0,
`v1/worker/gpu_model_runner.py` and `gpu/model_runner.py`, profile_run): first the encoder of
images or sound, then the layers, then the sampler. The moments do not come together, so the worst
one counts. Each figure is an interval: the lower end is what the tensors of that moment must take,
the upper end has room for what compilers and kernels keep beside them.
"""

from dataclasses import dataclass
from typing import Final

from mixvllm.vllm.checkpoint.config import ModelConfig, whole
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.part import Part
from mixvllm.vllm.memory.runner import uses_second_runner
from mixvllm.vllm.table import numbers

_BYTES: Final = {"float32": 4}
_FEW: Final = 8  # requests; with fewer, sorting is PyTorch's in all releases
_TRITON_SAMPLER: Final = "0.17.0"
_WORKSPACE: Final = "0.13.0"
# Bytes for each request and word of the vocabulary while the first runner's sampler runs.
# Sorting: logits in 16 bits (2) and in 32 (4), sorted values (4) and places (8), and the sort's
# own places (8) and buffers (12) make 38; 1.40, 1.40 and 5.58 GiB in three logs of 0.10.2 are 38.
_SORTED: Final = (38.0, 41.0)
# Without sorting: 2 and 4 as above, probabilities (4) and random numbers (4).
_UNSORTED: Final = (14.0, 18.0)
# The second runner samples from logits of 16 bits; gathering them between cards doubles them. The
# logs that show it are of dense models: until one of a mixture of experts is at hand, the upper
# end of those is the first runner's.
_SECOND: Final = (2.0, 8.0)
_CHECKED: Final = 20.0  # on top of it, when drafted tokens are checked in the profiling run
_MOST_IMAGE_TOKENS: Final = 16384  # of one image or video, in the families with the largest
_MERGED: Final = 4  # patches that become one token


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes between two bounds."""

    low: float
    high: float

    def plus(self, other: "Span") -> "Span":
        """Both at the same time."""
        return Span(self.low + other.low, self.high + other.high)

    def worst(self, other: "Span") -> "Span":
        """One after the other."""
        return Span(max(self.low, other.low), max(self.high, other.high))


NOTHING: Final = Span(0, 0)


def activation(config: ModelConfig, deployment: Deployment, part: Part, *, last: bool) -> Span:
    """The worst moment of a profiling run on one rank.

    Args:
        config: the model's.
        deployment: with the batch as it is settled.
        part: the language model's part of the configuration.
        last: whether the rank is of the pipeline's last stage, which samples.
    """
    workspace = experts(deployment, part)
    layers = forward(deployment, part)
    sampler = sampling(config, deployment, part) if last else NOTHING
    if numbers(deployment.release) >= numbers(_WORKSPACE):  # it is kept from then on
        sampler = sampler.plus(Span(0, workspace.high))
    language = layers.plus(workspace).worst(sampler)
    encoder, output = encoding(config, deployment, part)
    return language.plus(output).worst(encoder)


def forward(deployment: Deployment, part: Part) -> Span:
    """A batch between two layers: the stream of tokens, and the widest matrices of a layer."""
    hidden = part.optional("hidden_size", "n_embd", "d_model")
    heads = part.optional("num_attention_heads", "n_head", "num_heads")
    if hidden is None:
        return Span(0, 2**30)
    ranks = deployment.tensor_parallel
    inner = part.optional("intermediate_size", "n_inner", "ffn_dim") or 4 * hidden
    if _chosen(part):
        inner = whole(part.get("shared_expert_intermediate_size")) or 0
    head = part.optional("head_dim") or (hidden // heads if heads else 0)
    kv = part.optional("num_key_value_heads") or heads or 0
    attention = (2 * (heads or 0) / ranks + 2 * max(1, kv / ranks)) * head
    if nope := part.optional("qk_nope_head_dim"):
        value = part.optional("v_head_dim") or nope
        rope = part.optional("qk_rope_head_dim") or 0
        attention = (heads or 0) / ranks * (2 * (nope + rope) + 2 * value)
    mlp = 3 * inner / ranks
    tokens = deployment.max_num_batched_tokens * _width(deployment)
    low = tokens * (hidden + max(mlp, attention / 2)) * 0.9
    high = tokens * (5 * hidden + 1.5 * max(mlp, attention))
    return Span(low, high)


def experts(deployment: Deployment, part: Part) -> Span:
    """The rows of a mixture of experts: each token stands in it once for each chosen expert."""
    chosen, hidden = _chosen(part), part.optional("hidden_size") or 0
    if not chosen:
        return NOTHING
    ranks = deployment.tensor_parallel * deployment.data_parallel
    inner = part.optional("moe_intermediate_size", "intermediate_size") or 0
    if not deployment.expert_parallel:
        inner = -(-inner // ranks)
    rows = deployment.max_num_batched_tokens * chosen * _width(deployment)
    full = rows * (max(2 * inner, hidden) + inner)
    # Kernels that take tokens in pieces, or write in place, need less of it
    return Span(full * 0.25, full * 2)


def sampling(config: ModelConfig, deployment: Deployment, part: Part) -> Span:
    """Choosing a token for as many requests as a batch holds, on each rank in full."""
    if deployment.runner != "generate":
        return NOTHING
    requests = min(deployment.max_num_seqs, deployment.max_num_batched_tokens)
    words = part.optional("vocab_size")
    if words is None:
        return Span(0, requests * 262_144 * _SORTED[1])
    low, high = _SORTED
    if uses_second_runner(deployment, config):
        low, high = _SECOND
        if has_experts(part):
            high = _UNSORTED[1]
    elif numbers(deployment.release) >= numbers(_TRITON_SAMPLER) and requests >= _FEW:
        low, high = _UNSORTED
    if deployment.speculative_tokens:
        high += _CHECKED
    if deployment.tensor_parallel > 1:
        high += 4
    stream = deployment.max_num_batched_tokens * (part.optional("hidden_size") or 0)
    kept = stream * _width(deployment)
    return Span(low * requests * words, high * requests * words + 3 * kept)


def encoding(config: ModelConfig, deployment: Deployment, part: Part) -> tuple[Span, Span]:
    """The encoder of images or sound at work, and its output, which is kept for the layers."""
    values = config.values.get("vision_config")
    if deployment.language_model_only or not isinstance(values, dict):
        return NOTHING, NOTHING
    width = whole(values.get("hidden_size")) or whole(values.get("embed_dim")) or 1280
    inner = whole(values.get("intermediate_size")) or 4 * width
    tokens = max(_MOST_IMAGE_TOKENS, deployment.max_num_batched_tokens)
    kept = tokens * (part.optional("hidden_size") or 0) * _width(deployment)
    work = tokens * _MERGED * (6 * width + 3 * inner) * _width(deployment)
    return Span(0, work + kept), Span(0, kept)


def has_experts(part: Part) -> bool:
    """Whether tokens are sent to experts."""
    return _chosen(part) > 0


def _chosen(part: Part) -> int:
    """Experts that a token is sent to; 0 without experts."""
    keys = ("num_experts_per_tok", "moe_topk", "num_experts_per_token", "top_k_experts")
    return part.optional(*keys) or 0


def _width(deployment: Deployment) -> int:
    return _BYTES.get(deployment.dtype, 2)
