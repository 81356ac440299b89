"""What says the same now as an option, a JSON key or a variable that vLLM took away.

Each entry is what vLLM's own code made of the old name in the last releases that had it, so that
an edit keeps the meaning: a name is never swapped for one that means the opposite. ``{}`` says
that nothing is to be written, because nothing of it is left in vLLM. What is not here has no
sure successor, and is left to a person.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

Writes: TypeAlias = dict[tuple[str, ...], object]
"""What to write: an option, or an option and a key of its JSON, with the value."""

_Move: TypeAlias = Callable[[object], Writes | None]


def moved_option(name: str, value: object) -> Writes | None:
    """What to write for an option (kebab case) that is gone, or whose value is; None when that
    is not known.
    """
    return _OPTIONS[name](value) if name in _OPTIONS else None


def moved_variable(name: str, value: object) -> Writes | None:
    """The options that say what a variable said, which vLLM does not read any more."""
    return _VARIABLES[name](value) if name in _VARIABLES else None


def moved_key(config: str, key: str, value: object) -> dict[str, object] | None:
    """The keys to write instead of one of a JSON option, in the same mapping."""
    names = _KEYS.get(config, {}).get(key)
    if (config, key, value) == ("AttentionConfig", "use_fp4_indexer_cache", True):
        return {"indexer_kv_dtype": "mxfp4"}  # 0.29.0, config/attention.py
    return None if names is None else dict.fromkeys(names, value)


def in_words(writes: Writes) -> str:
    """``runner: pooling, convert: embed``."""
    return ", ".join(f"{'.'.join(path)}: {_shown(value)}" for path, value in writes.items())


def _shown(value: object) -> str:
    """What no JSON can say, e.g. a part that could not be filled in, is told by its name."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _as(*path: str) -> _Move:
    """The same value under another name."""
    return lambda value: {path: value}


def _when_on(*path: str, write: object) -> _Move:
    """A switch that became a value; switched off it says nothing."""

    def move(value: object) -> Writes | None:
        on = _ON_OR_OFF.get(str(value).lower())
        return None if on is None else {path: write} if on else {}

    return move


def _number(*path: str) -> _Move:
    """The text of a variable, as a number."""

    def move(value: object) -> Writes | None:
        text = str(value)
        return {path: int(text)} if text.isdecimal() else None

    return move


def _numbers(*path: str) -> _Move:
    """The same value under another name; ``1 2 4``, which a shell splits, as a list."""

    def move(value: object) -> Writes:
        parts = re.split(r"[\s,]+", value.strip()) if isinstance(value, str) else []
        are_numbers = bool(parts) and all(part.isdecimal() for part in parts)
        return {path: [int(part) for part in parts] if are_numbers else value}

    return move


def _switch(*path: str) -> _Move:
    """The text of a variable, as a boolean."""

    def move(value: object) -> Writes | None:
        on = _ON_OR_OFF.get(str(value).lower())
        return None if on is None else {path: on}

    return move


def _nothing(_: object) -> Writes:
    return {}


def _by_value(table: Mapping[str, Mapping[str, object]]) -> _Move:
    """What each value became, as options."""

    def move(value: object) -> Writes | None:
        found = table.get(str(value))
        return None if found is None else {(name,): said for name, said in found.items()}

    return move


def _lower(*path: str) -> _Move:
    return lambda value: {path: str(value).lower()}


def _profiler_folder(value: object) -> Writes:
    return {
        ("profiler-config", "profiler"): "torch",
        ("profiler-config", "torch_profiler_dir"): str(value),
    }


# Other texts vLLM read as off, or refused: a person must say what is meant.
_ON_OR_OFF: Final = {"true": True, "1": True, "false": False, "0": False}
# --task VALUE until 0.12.0 (config/model.py, __post_init__). `score` and `reward` left the
# conversion to the architecture, as `convert: auto` does.
_TASKS: Final[dict[str, dict[str, object]]] = {
    "auto": {},
    "generate": {"runner": "generate"},
    "embed": {"runner": "pooling", "convert": "embed"},
    "embedding": {"runner": "pooling", "convert": "embed"},
    "classify": {"runner": "pooling", "convert": "classify"},
    "score": {"runner": "pooling"},
    "reward": {"runner": "pooling"},
    "transcription": {"runner": "generate"},
    "draft": {"runner": "draft"},
}
_OPTIONS: Final[Mapping[str, _Move]] = {
    "task": _by_value(_TASKS),
    # 0.15.1, config/model.py; only for the values that are gone
    "convert": _by_value(
        {"reward": {"convert": "embed"}, "mm_encoder_only": {"mm-encoder-only": True}}
    ),
    # 0.12.0, engine/arg_utils.py: what each of the three set.
    "cuda-graph-sizes": _numbers("cudagraph-capture-sizes"),
    "disable-mm-preprocessor-cache": _when_on("mm-processor-cache-gb", write=0),
    "enable-multimodal-encoder-data-parallel": _when_on("mm-encoder-tp-mode", write="data"),
    # 0.12.0 to 0.16.0 declare it and read it nowhere: `false` logged no requests either.
    "disable-log-requests": _nothing,
    # 0.17.1: only counted (config/cache.py); the V1 engine swaps nothing.
    "swap-space": _nothing,
    "disable-frontend-multiprocessing": _nothing,
    "logits-processor-pattern": _nothing,
    "use-gpu-for-pooling-score": _nothing,
    "calculate-kv-scales": _nothing,
    "override-attention-dtype": _nothing,
    "max-num-partial-prefills": _nothing,
    "max-long-partial-prefills": _nothing,
    "enable-bf16x3-router-gemm": _nothing,
    "enable-mamba-fine-grained-prefix-cache": _nothing,
}
_KEYS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "CompilationConfig": {"level": ("mode",)},  # 0.15.1, config/compilation.py
    "PassConfig": {  # 0.12.0, config/compilation.py, handle_deprecated
        "enable_fusion": ("fuse_norm_quant", "fuse_act_quant"),
        "enable_attn_fusion": ("fuse_attn_quant",),
        "enable_noop": ("eliminate_noops",),
        "enable_sequence_parallelism": ("enable_sp",),
        "enable_async_tp": ("fuse_gemm_comms",),
        "enable_fi_allreduce_fusion": ("fuse_allreduce_rms",),
    },
    "PoolerConfig": {  # 0.15.1, config/pooler.py, get_use_activation
        "normalize": ("use_activation",),
        "softmax": ("use_activation",),
        "activation": ("use_activation",),
    },
    "KVTransferConfig": {  # 0.31.0: read nowhere
        "kv_buffer_size": (), "kv_ip": (), "kv_parallel_size": (), "kv_rank": (),
    },
    "AttentionConfig": {"use_fp4_indexer_cache": ()},  # off: as without it
}  # fmt: skip
_VARIABLES: Final[Mapping[str, _Move]] = {
    "VLLM_MM_INPUT_CACHE_GIB": _number("mm-processor-cache-gb"),  # 0.12.0, engine/arg_utils.py
    "VLLM_ALL2ALL_BACKEND": _as("all2all-backend"),  # 0.15.1, config/parallel.py
    "VLLM_MM_HASHER_ALGORITHM": _lower("mm-hasher-algorithm"),  # 0.29.0, config/multimodal.py
    # 0.29.0, config/cache.py
    "VLLM_PREFIX_CACHE_RETENTION_INTERVAL": _number("prefix-cache-retention-interval"),
    # 0.14.1, config/attention.py, __post_init__
    "VLLM_ATTENTION_BACKEND": _as("attention-backend"),
    "VLLM_FLASH_ATTN_VERSION": _number("attention-config", "flash_attn_version"),
    "VLLM_FLASH_ATTN_MAX_NUM_SPLITS_FOR_CUDA_GRAPH": _number(
        "attention-config", "flash_attn_max_num_splits_for_cuda_graph"
    ),
    "VLLM_USE_TRTLLM_ATTENTION": _switch("attention-config", "use_trtllm_attention"),
    "VLLM_FLASHINFER_DISABLE_Q_QUANTIZATION": _switch(
        "attention-config", "disable_flashinfer_q_quantization"
    ),
    # 0.15.1, config/profiler.py, _validate_profiler_config
    "VLLM_TORCH_PROFILER_DIR": _profiler_folder,
    "VLLM_TORCH_PROFILER_RECORD_SHAPES": _switch("profiler-config", "torch_profiler_record_shapes"),
    "VLLM_TORCH_PROFILER_WITH_PROFILE_MEMORY": _switch(
        "profiler-config", "torch_profiler_with_memory"
    ),
    "VLLM_TORCH_PROFILER_WITH_STACK": _switch("profiler-config", "torch_profiler_with_stack"),
    "VLLM_TORCH_PROFILER_WITH_FLOPS": _switch("profiler-config", "torch_profiler_with_flops"),
    "VLLM_TORCH_PROFILER_DISABLE_ASYNC_LLM": _switch("profiler-config", "ignore_frontend"),
    "VLLM_TORCH_PROFILER_USE_GZIP": _switch("profiler-config", "torch_profiler_use_gzip"),
    "VLLM_TORCH_PROFILER_DUMP_CUDA_TIME_TOTAL": _switch(
        "profiler-config", "torch_profiler_dump_cuda_time_total"
    ),
    "VLLM_PROFILER_DELAY_ITERS": _number("profiler-config", "delay_iterations"),
    "VLLM_PROFILER_MAX_ITERS": _number("profiler-config", "max_iterations"),
    # 0.23.0, envs.py, deprecated_env
    "VLLM_USE_FBGEMM": _when_on("linear-backend", write="fbgemm"),
    "VLLM_USE_NVFP4_CT_EMULATIONS": _when_on("linear-backend", write="emulation"),
}
