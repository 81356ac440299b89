"""The model, its tokenizer, runner and conversion, pooling, multimodal input."""

from collections.abc import Mapping
from typing import Final

# A rule's file, and the options that call it up.
RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "deprecated_quantization": ("quantization",),
    "encoder_scales": ("mm-encoder-fp8-scale-path", "mm-encoder-fp8-scale-save-path"),
    "encoder_scales_both": ("mm-encoder-fp8-scale-save-path",),
    "float32_quantization": ("quantization",),
    "modality_limits": ("limit-mm-per-prompt",),
    "pooling_type_twice": ("pooler-config",),
    "processor_cache_off": ("mm-processor-cache-type",),
    "processor_device_twice": ("mm-processor-device",),
    "pruning_method": ("video-pruning-method",),
    "quantization_targets": ("quantization-config",),
    "sampling_mask_logprobs": ("return-sampling-mask",),
    "sampling_mask_processors": ("return-sampling-mask",),
    "shared_cache_object": ("mm-shm-cache-max-object-size-mb",),
    "sleep_allocator": ("enable-sleep-mode",),
    "sleep_idle": ("sleep-mode-offload-cudagraph", "sleep-preserve-parameter-names"),
    "tensor_ipc_ranks": ("mm-tensor-ipc",),
    "text_only_graphs": ("language-model-only",),
    "text_only_limits": ("language-model-only",),
    "tokens_only": ("tokens-only",),
}
