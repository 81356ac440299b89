"""A model as the forecast needs it: its configuration, and what its ranks weigh."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.tensors import Tensor
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.weights import RankWeights, UnknownWeights, weights_per_rank

_Key: TypeAlias = tuple[object, ...]
_SIXTEEN_BITS: Final = {"BF16", "F16"}
# Groups of 128 share a scale of 16 bits and a zero of 4: 4.16 bits of 16, and some are padded.
_FOUR_OF_SIXTEEN: Final = 0.27


def _stays(name: str) -> bool:
    """Whether such checkpoints leave a tensor in 16 bits: embeddings and the output."""
    return "embed" in name or "lm_head" in name


@dataclass(frozen=True)
class Model:
    """A configuration, and tensors where weights are at hand."""

    name: str
    config: ModelConfig
    tensors: Sequence[Tensor] = ()
    total: int | None = None  # bytes of all weights, where the tensors cannot be seen
    files: int = 0  # whose headers were read
    no_weights: str = "the weights are not at hand"  # why there are no tensors, in words
    share: float = 1.0  # of these weights: what another checkpoint would have
    _weighed: dict[_Key, tuple[RankWeights, ...]] = field(default_factory=dict, repr=False)

    def weigh(self, deployment: Deployment) -> tuple[RankWeights, ...]:
        """What each rank holds, stage by stage; each way of sharing it out is worked out once.

        Raises:
            UnknownWeights: in a sentence, why it cannot be told.
        """
        if not self.tensors:
            if self.total and deployment.ranks == 1:
                return (RankWeights(0, 0, self.total),)
            raise UnknownWeights(self.no_weights)
        d = deployment
        key: _Key = (
            d.release, d.device, d.dtype, d.quantization, d.tensor_parallel, d.pipeline_parallel,
            d.data_parallel, d.prefill_context_parallel, d.expert_parallel, d.cpu_offload_bytes,
            d.mm_encoder_tp_mode, d.language_model_only, d.runner, d.speculative_method,
        )  # fmt: skip
        if key not in self._weighed:
            self._weighed[key] = weights_per_rank(self.tensors, self.config, deployment)
        ranks = self._weighed[key]
        if self.share == 1:
            return ranks
        return tuple(replace(rank, size=int(rank.size * self.share)) for rank in ranks)

    def in_four_bits(self) -> "Model | None":
        """The same model as a checkpoint of four bits (AWQ, GPTQ) would weigh, by estimate; None
        where the weights are not of 16 bits, or not seen.
        """
        if not self.tensors or any(tensor.dtype not in _SIXTEEN_BITS for tensor in self.tensors):
            return None
        whole = sum(tensor.size for tensor in self.tensors)
        kept = sum(t.size for t in self.tensors if len(t.shape) < 2 or _stays(t.name))
        return replace(self, share=(kept + (whole - kept) * _FOUR_OF_SIXTEEN) / whole)
