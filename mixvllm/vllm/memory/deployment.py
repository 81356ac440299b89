"""How a release of vLLM would run a model, as far as memory goes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deployment:
    """The settings that decide on memory, with the release's own defaults filled in.

    Sizes are in bytes. Names are vLLM's, in its option table's spelling with underscores.
    """

    release: str  # e.g. "0.32.0"
    device: str = "cuda"  # or "cpu"
    dtype: str = "bfloat16"  # of weights and activations: float16, bfloat16 or float32
    quantization: str | None = None
    kv_cache_dtype: str = "auto"
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    data_parallel: int = 1
    decode_context_parallel: int = 1
    prefill_context_parallel: int = 1
    expert_parallel: bool = False
    max_model_len: int | None = None  # None: the model's own longest
    fit_max_model_len: bool = False  # `--max-model-len -1` or auto: vLLM takes what fits
    max_num_seqs: int = 256
    max_num_batched_tokens: int = 2048
    gpu_memory_utilization: float = 0.92
    kv_cache_memory_bytes: int | None = None  # None: what is left after profiling
    block_size: int | None = None  # tokens; None: the backend's own
    prefix_caching: bool | None = None  # None: the release's own for this kind of model
    async_scheduling: bool = True
    hybrid_kv_cache: bool = True  # False: --disable-hybrid-kv-cache-manager
    sliding_window: bool = True  # False: --disable-sliding-window
    attention_backend: str | None = None
    compute_capability: tuple[int, int] | None = None  # of the cards; None: not known
    pp_layer_partition: tuple[int, ...] = ()  # VLLM_PP_LAYER_PARTITION; (): even
    mamba_cache_dtype: str = "auto"
    mamba_ssm_cache_dtype: str = "auto"
    mamba_block_size: int | None = None
    mamba_cache_mode: str = "none"  # or "all", "align"
    speculative_method: str | None = None  # "ngram", "mtp", "eagle3", ...; None: none
    speculative_tokens: int = 0
    enforce_eager: bool = False
    cudagraph_capture_sizes: tuple[int, ...] = ()  # () when eager
    cpu_offload_bytes: int = 0
    mm_encoder_tp_mode: str = "weights"  # "data": a vision encoder is on every rank, whole
    language_model_only: bool = False
    runner: str = "generate"  # or "pooling"
    max_loras: int = 0  # 0: LoRA is off
    max_lora_rank: int = 16

    @property
    def ranks(self) -> int:
        """How many cards one copy of the model takes."""
        return self.tensor_parallel * self.pipeline_parallel * self.prefill_context_parallel
