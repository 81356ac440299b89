"""Speculative decoding."""

from collections.abc import Mapping
from typing import Final

# A rule's file, and the options that call it up.
RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "adaptive_argmax": ("speculative-config",),
    "adaptive_eager": ("speculative-config",),
    "adaptive_lora": ("speculative-config",),
    "adaptive_pipeline": ("speculative-config",),
    "async_padding": ("async-scheduling",),
    "async_speculation": ("async-scheduling",),
    "draft_length": ("speculative-config",),
    "draft_model_missing": ("speculative-config", "spec-tokens"),
    "draft_tensor_parallel": ("speculative-config",),
    "draft_tensor_parallel_name": ("speculative-config",),
    "draft_tokens_missing": ("speculative-config", "spec-method"),
    "dspark_candidates": ("speculative-config",),
    "dynamic_speculation": ("speculative-config",),
    "fast_prefill_heads": ("kv-sharing-fast-prefill",),
    "lookup_window": ("speculative-config",),
    "lora_batch_tokens": ("enable-lora",),
    "mtp_indices": ("speculative-config",),
    "speculation_metrics": ("per-request-spec-decode-metrics",),
    "speculative_twice": ("spec-method", "spec-model", "spec-tokens"),
    "suffix_numbers": ("speculative-config",),
    "synthetic_alone": ("speculative-config",),
    "synthetic_needs": ("speculative-config",),
    "synthetic_numbers": ("speculative-config",),
    "vocabulary_method": ("speculative-config",),
    "vocabulary_sampling": ("speculative-config",),
    "watermark_algorithm": ("watermark-config",),
    "watermark_method": ("watermark-config",),
    "watermark_rejection": ("watermark-config",),
    "watermark_sampling": ("watermark-config",),
}
