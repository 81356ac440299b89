"""Which layers each stage of a pipeline runs."""

from collections.abc import Sequence
from typing import Final

# Families whose class in vLLM builds them on every stage, though one of them is enough (0.32.0,
# `models/*.py`: VocabParallelEmbedding and ParallelLMHead that no rank is asked for).
_BOTH_EVERYWHERE: Final = frozenset({
    "bloom", "dbrx", "falcon", "gemma", "gemma3", "gemma4", "gpt2", "gptj", "granitemoe",
    "granitemoehybrid", "granitemoeshared", "hy_v3", "jamba", "mamba", "minicpm", "mixtral",
    "molmo", "nemotron_h", "olmo_hybrid", "olmoe", "opt", "orion", "phimoe", "plamo3",
    "qwen2_moe", "qwen3_moe", "qwen3_next", "stablelm",
})  # fmt: skip
_EMBEDDING_EVERYWHERE: Final = _BOTH_EVERYWHERE | {
    "cohere", "cohere2", "cohere2_moe", "gemma2", "internlm2", "lfm2", "lfm2_moe", "qwen3_5",
    "qwen3_5_moe",
}  # fmt: skip
_OUTPUT_EVERYWHERE: Final = _BOTH_EVERYWHERE | {"gpt_oss"}


def has_embedding_everywhere(family: str) -> bool:
    """Whether every stage of a family of language models holds the embedding."""
    return family.removesuffix("_text") in _EMBEDDING_EVERYWHERE


def has_output_everywhere(family: str) -> bool:
    """Whether every stage of a family of language models holds the output matrix."""
    return family.removesuffix("_text") in _OUTPUT_EVERYWHERE


def stages(layers: int, pipeline_parallel: int, partition: Sequence[int] = ()) -> tuple[range, ...]:
    """The layers of each stage, as vLLM deals them out (0.32.0, `distributed/utils.py`).

    What does not divide goes to the stages before the last, one each, from the back: the last has
    the output to compute, and with few left over the first is spared for its embedding.

    Args:
        layers: of the model.
        pipeline_parallel: stages.
        partition: layers of each stage as ``VLLM_PP_LAYER_PARTITION`` has them; (): not set.

    Raises:
        ValueError: the partition does not fit the model.
    """
    counts = list(partition) or [layers // pipeline_parallel] * pipeline_parallel
    if partition and (len(counts) != pipeline_parallel or sum(counts) != layers):
        raise ValueError(f"{', '.join(map(str, counts))} does not deal out {layers} layers")
    for place in range(2, 0 if partition else layers % pipeline_parallel + 2):
        counts[-place] += 1
    ends = [sum(counts[: stage + 1]) for stage in range(pipeline_parallel)]
    return tuple(range(end - count, end) for end, count in zip(ends, counts, strict=True))
