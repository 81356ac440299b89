"""How vLLM would run a profile's model: its settings, with the defaults that the release works
out from the model and from the card.

Sources: vLLM 0.32.0, `engine/arg_utils.py` (create_engine_config, get_batch_defaults),
`config/model.py` (_get_and_verify_dtype), `config/vllm.py` (async scheduling),
`platforms/cpu.py` (check_and_update_config).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, cast

from mixvllm.forecast.asked import Asked
from mixvllm.forecast.cards import Card
from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.json_file import Json
from mixvllm.vllm.memory.batch_defaults import batch_defaults, resolve_batch
from mixvllm.vllm.memory.capture_sizes import capture_sizes
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.models import served_models
from mixvllm.vllm.table import numbers

_GIB: Final = 2**30
_DTYPES: Final = {"half": "float16", "float": "float32"}
_NO_FLOAT16: Final = ("gemma2", "gemma3", "gemma3_text", "glm4")  # numerically unstable
_BFLOAT16: Final = (8, 0)  # compute capability
_FLOAT16: Final = (6, 0)
# Before this release the CPU build took the cache's size from a variable alone.
_CPU_UTILISATION: Final = "0.20.2"
_CPU_SPACE: Final = "VLLM_CPU_KVCACHE_SPACE"
_SHARE: Final = 0.92  # where the profile's is none
_AHEAD: Final = 1000  # tokens of speculation; nobody guesses so far ahead
_POOLS: Final = ("embed", "classify", "reward")
# Methods of speculation that async scheduling goes with (0.32.0, config/vllm.py).
_ASYNC: Final = ("eagle", "eagle3", "mtp", "ngram_gpu", "draft_model", "dspark", "dflash")
_ASYNC_BY_DEFAULT: Final = "0.14.0"


@dataclass(frozen=True, slots=True)
class Target:
    """What the model is to run on, and how vLLM is built."""

    release: str
    device: str = "cuda"  # or "cpu"
    environ: Mapping[str, str] | None = None  # as the engine will see it; None: not known


def deployment_of(
    asked: Asked, config: ModelConfig, target: Target, card: Card | None
) -> Deployment:
    """The deployment on a card; None: on one that nothing is known of."""
    capability = card.capability if card is not None else None
    release = target.release
    defaults = batch_defaults(
        release,
        card_total=card.nvml_total if card is not None else None,
        card_name=card.name if card is not None else "",
        device=target.device,
        ranks=asked.size("tensor-parallel-size") * asked.size("pipeline-parallel-size"),
        compute_capability=capability,
    )
    runner = _runner(asked, config, release)
    length = _length(asked, config, release)
    pace = asked.text("performance-mode")
    batch = resolve_batch(
        release,
        defaults,
        max_num_seqs=asked.positive("max-num-seqs"),
        max_num_batched_tokens=asked.positive("max-num-batched-tokens"),
        max_model_len=length,
        chunked_prefill=asked.switch("enable-chunked-prefill") is not False,
        throughput=pace == "throughput",
    )
    speculative = asked.mapping("speculative-config")
    method = speculative.get("method")
    ahead = speculative.get("num_speculative_tokens")
    compilation = asked.mapping("compilation-config")
    eager = bool(asked.switch("enforce-eager")) or compilation.get("cudagraph_mode") == "NONE"
    backend = asked.text("attention-backend") or asked.mapping("attention-config").get("backend")
    plan = Deployment(
        release=release,
        device=target.device,
        dtype=_dtype(asked, config, target.device, capability, pools=runner == "pooling"),
        quantization=asked.text("quantization") or config.quantization_method or None,
        kv_cache_dtype=asked.text("kv-cache-dtype") or "auto",
        tensor_parallel=asked.size("tensor-parallel-size"),
        pipeline_parallel=asked.size("pipeline-parallel-size"),
        data_parallel=asked.size("data-parallel-size"),
        decode_context_parallel=asked.size("decode-context-parallel-size"),
        prefill_context_parallel=asked.size("prefill-context-parallel-size"),
        expert_parallel=bool(asked.switch("enable-expert-parallel")),
        max_model_len=length,
        fit_max_model_len=_takes_what_fits(asked),
        max_num_seqs=batch.max_num_seqs,
        max_num_batched_tokens=batch.max_num_batched_tokens,
        gpu_memory_utilization=_share(asked) or _SHARE,
        kv_cache_memory_bytes=_kv_bytes(asked, target),
        block_size=asked.positive("block-size"),
        prefix_caching=asked.switch("enable-prefix-caching"),
        async_scheduling=_is_async(asked, release, runner, method),
        hybrid_kv_cache=not asked.switch("disable-hybrid-kv-cache-manager"),
        sliding_window=not asked.switch("disable-sliding-window"),
        attention_backend=backend.upper() if isinstance(backend, str) else None,
        compute_capability=capability,
        pp_layer_partition=_partition(target),
        mamba_cache_dtype=asked.text("mamba-cache-dtype") or "auto",
        mamba_ssm_cache_dtype=asked.text("mamba-ssm-cache-dtype") or "auto",
        mamba_block_size=asked.positive("mamba-block-size"),
        mamba_cache_mode=asked.text("mamba-cache-mode") or "none",
        speculative_method=_method(speculative),
        speculative_tokens=ahead if isinstance(ahead, int) and 0 < ahead < _AHEAD else 0,
        enforce_eager=eager,
        cpu_offload_bytes=int((asked.number("cpu-offload-gb") or 0) * _GIB),
        mm_encoder_tp_mode=asked.text("mm-encoder-tp-mode") or "weights",
        language_model_only=bool(asked.switch("language-model-only")),
        runner=runner,
        max_loras=_loras(asked),
        max_lora_rank=asked.positive("max-lora-rank") or 16,
    )
    listed = compilation.get("cudagraph_capture_sizes")
    own = asked.wholes("cudagraph-capture-sizes")
    if own is None and isinstance(listed, list):
        own = tuple(size for size in listed if type(size) is int and size > 0)
    largest = compilation.get("max_cudagraph_capture_size")
    sizes = capture_sizes(
        plan,
        config,
        compute_capability=capability,
        asked=own,
        largest=largest
        if isinstance(largest, int)
        else asked.positive("max-cudagraph-capture-size"),
        interactivity=pace == "interactivity",
    )
    return replace(plan, cudagraph_capture_sizes=sizes)


def not_followed(asked: Asked) -> Iterator[str]:
    """Settings that change the memory in ways that are not followed here, in words."""
    draft = asked.mapping("speculative-config").get("model")
    if draft is not None:
        yield "weights and cache of the draft model (speculative-config)"
    if asked.whole("num-gpu-blocks-override") is not None:
        yield "the cache that num-gpu-blocks-override sets"
    if asked.value("kv-cache-dtype-skip-layers"):
        yield "the cache of the layers in kv-cache-dtype-skip-layers"
    if asked.mapping("attention-config").get("indexer_kv_dtype"):
        yield "the index of sparse attention in the type of attention-config"
    if isinstance(asked.value("hf-overrides"), str) and not asked.mapping("hf-overrides"):
        yield "what hf-overrides changes in the model"
    if asked.number("mm-ipc-gpu-memory-gb"):
        yield "the memory that mm-ipc-gpu-memory-gb sets aside"
    if _share(asked) is None:
        yield "how much of a card vLLM may use: gpu_memory_utilization is no share of 1"
    if asked.value("device-ids") is not None:
        yield "which cards device-ids takes"
    if asked.mapping("kv-transfer-config"):
        yield "what the connector of kv-transfer-config takes"


def laid_over(config: ModelConfig, asked: Asked) -> ModelConfig:
    """The model's configuration as `hf-overrides` changes it."""
    overrides = asked.mapping("hf-overrides")
    if not overrides:
        return config
    values = dict(config.values)
    for key, value in overrides.items():
        inner = values.get(key)
        nested = isinstance(inner, dict) and isinstance(value, dict)
        values[key] = cast("Json", {**inner, **value} if nested else value)  # type: ignore[dict-item]
    return replace(config, values=values)


def _share(asked: Asked) -> float | None:
    """vLLM's part of a card; None for what is no share, which has a finding of its own."""
    share = asked.number("gpu-memory-utilization")
    return share if share is not None and 0 < share <= 1 else None


def _method(speculative: Mapping[str, object]) -> str | None:
    """vLLM takes a model without a method for a draft model, and neither for n-grams."""
    method = speculative.get("method")
    if isinstance(method, str):
        return method.lower()
    if not speculative:
        return None
    return "draft_model" if "model" in speculative else "ngram"


def _loras(asked: Asked) -> int:
    return (asked.positive("max-loras") or 1) if asked.switch("enable-lora") else 0


def _runner(asked: Asked, config: ModelConfig, release: str) -> str:
    named = asked.text("runner")
    if named in ("generate", "pooling"):
        return named
    if asked.text("convert") in _POOLS:
        return "pooling"
    models = served_models(release)
    letters = [models.abilities(name) for name in config.architectures] if models else []
    known = next(filter(None, letters), "g")
    return "pooling" if "p" in known and "g" not in known else "generate"


def _length(asked: Asked, config: ModelConfig, release: str) -> int | None:
    """The longest request; None where the profile leaves it to the model, which does not say."""
    given = asked.positive("max-model-len")
    if given is not None:
        return given
    longest = config.longest(release)
    return None if longest is None else longest.tokens


def _takes_what_fits(asked: Asked) -> bool:
    """Whether vLLM shortens the longest request until it fits (`--max-model-len -1`, auto)."""
    return str(asked.value("max-model-len")).lower() in ("-1", "auto")


def _partition(target: Target) -> tuple[int, ...]:
    """How many layers each stage of a pipeline gets, where a variable says so."""
    written = (target.environ or {}).get("VLLM_PP_LAYER_PARTITION", "")
    parts = [part.strip() for part in written.split(",")]
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()


def _dtype(
    asked: Asked,
    config: ModelConfig,
    device: str,
    capability: tuple[int, int] | None,
    *,
    pools: bool,
) -> str:
    named = asked.text("dtype") or "auto"
    if named != "auto":
        return _DTYPES.get(named, named)
    if device == "cpu" or capability is None or capability >= _BFLOAT16:
        able = ["bfloat16", "float16", "float32"]
    else:
        able = ["float16", "float32"] if capability >= _FLOAT16 else ["float32"]
    if config.model_type in _NO_FLOAT16:
        able = [dtype for dtype in able if dtype != "float16"]
    preferred = "float16" if pools and "float16" in able else able[0]
    written = _written_dtype(config)
    return written if written in able and written != "float32" else preferred


def _written_dtype(config: ModelConfig) -> str:
    for holder in (config.values, config.text):
        for key in ("dtype", "torch_dtype"):
            if isinstance(found := holder.get(key), str):
                return found.removeprefix("torch.")
    return "float32"


def _is_async(asked: Asked, release: str, runner: str, method: object) -> bool:
    """Whether two batches are under way at a time."""
    chosen = asked.switch("async-scheduling")
    if chosen is not None:
        return chosen
    if numbers(release) < numbers(_ASYNC_BY_DEFAULT) or runner == "pooling":
        return False
    return method is None or method in _ASYNC


def _kv_bytes(asked: Asked, target: Target) -> int | None:
    """The size of the cache, where it is given. On the CPU the variable wins."""
    given = asked.positive("kv-cache-memory-bytes")
    if target.device != "cpu":
        return given
    space = (target.environ or {}).get(_CPU_SPACE, "").strip()
    if space.isdecimal():
        return int(space) * _GIB
    return given if numbers(target.release) >= numbers(_CPU_UTILISATION) else None
