"""What each phase of a start says, and when, in the words of vLLM 0.32.0.

Lines and their order follow the recordings in ``tests/data/logs`` (the CPU build with
SmolLM2-135M); the times are those of an unloaded run on two cores, 44.2 s from spawn
to ready. The contract test holds this table against the recordings.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple


class Phase(StrEnum):
    """The stretches of a start, in order; the last lasts until the end."""

    IMPORTS = "imports"
    ARGS = "args"
    CONFIG = "config"
    SPAWN = "spawn"
    ENGINE = "engine"
    WORKERS = "workers"
    WEIGHTS = "weights"
    MEMORY = "memory"
    WARMUP = "warm-up"
    APP = "app"
    LISTEN = "listen"
    READY = "ready"


class Line(NamedTuple):
    """One line. ``level`` "" is text without a prefix on stderr; else it goes to the logger."""

    level: str
    source: str
    text: str


# Seconds after the spawn, unloaded.
AT = {
    Phase.IMPORTS: 0.0,
    Phase.ARGS: 11.6,
    Phase.CONFIG: 11.7,
    Phase.SPAWN: 13.0,
    Phase.ENGINE: 24.2,
    Phase.WORKERS: 24.3,
    Phase.WEIGHTS: 38.6,
    Phase.MEMORY: 40.0,
    Phase.WARMUP: 40.1,
    Phase.APP: 42.3,
    Phase.LISTEN: 43.7,
    Phase.READY: 44.2,
}
# The one line that breaks the silence of each process's imports.
STIRS_AT = {Phase.IMPORTS: 9.3, Phase.SPAWN: 21.0, Phase.WORKERS: 34.0}
WEIGHTS_LOADED_AT = 39.3
WARM_AT = 41.3

_NO_TRITON = Line("", "", "Triton is installed, but doesn't include CPU backend. Disabling Triton.")
_PLATFORM = (
    Line(
        "WARNING",
        "vllm.py:1703",
        "Enforce eager set, disabling torch.compile, CUDAGraphs, and JIT kernel warmup. This is "
        "equivalent to setting -cc.mode=none -cc.cudagraph_mode=none and "
        "--kernel_config.enable_jit_warmup=False",
    ),
    Line(
        "INFO",
        "kernel.py:467",
        "Final IR op priority after setting platform defaults: "
        "IrOpPriorityConfig(rms_norm=['native'], fused_add_rms_norm=['native'], "
        "gelu_and_mul_sparse=['native'])",
    ),
    Line(
        "WARNING",
        "cpu.py:224",
        "Triton is not installed. triton-cpu is expected on x86 CPUs.",
    ),
    Line("INFO", "compilation.py:317", "Enabled custom fusions: norm_quant, act_quant"),
)
V1_RUNNER = Line(
    "WARNING",
    "vllm.py:725",
    "Model Runner V2 requires Triton; using the V1 model runner instead.",
)
_LOGO = (
    "\n       █     █     █▄   ▄█\n"
    " ▄▄ ▄█ █     █     █ ▀▄▀ █  version {version}\n"
    "  █▄█▀ █     █     █     █  model   {model}\n"
    "   ▀▀  ▀▀▀▀▀ ▀▀▀▀▀ ▀     ▀\n"
)

# Fields in braces are filled in from the command line and the model.
LINES: dict[Phase, tuple[Line, ...]] = {
    Phase.IMPORTS: (_NO_TRITON,),
    Phase.ARGS: (
        Line("INFO", "api_utils.py:347", _LOGO),
        Line("INFO", "api_utils.py:286", "non-default args: {args}"),
    ),
    Phase.CONFIG: (
        Line("INFO", "model.py:733", "Resolved architecture: {architecture}"),
        Line("INFO", "model.py:2152", "Using max model len {max_model_len}"),
        *_PLATFORM,
        V1_RUNNER,
    ),
    Phase.SPAWN: (_NO_TRITON,),
    Phase.ENGINE: (
        Line(
            "INFO",
            "core.py:133",
            "Initializing a V1 LLM engine (v{version}) with config: model='{model}', "
            "speculative_config=None, tokenizer='{model}', tokenizer_mode=auto, revision=None, "
            "dtype=torch.bfloat16, max_seq_len={max_model_len}, load_format=auto, "
            "tensor_parallel_size={world}, pipeline_parallel_size=1, data_parallel_size=1, "
            "quantization=None, kv_cache_dtype=auto, device_config=cpu, seed=0, "
            "served_model_name={served}, enable_prefix_caching=True, enable_chunked_prefill=True",
        ),
        Line(
            "INFO",
            "multiproc_executor.py:153",
            "DP group leader: node_rank=0, node_rank_within_dp=0, master_addr=127.0.0.1, "
            "mq_connect_ip=192.0.2.2 (local), world_size={world}, local_world_size={world}",
        ),
        Line(
            "INFO",
            "ompmultiprocessing.py:185",
            "OpenMP thread binding info: \n\tVLLM_CPU_OMP_THREADS_BIND='auto', auto_setup=True, "
            "skip_setup=False\n\tlocal_world_size={world}, reserve_cpu_num=1\n\tlocal_rank=0, "
            "core ids=[0]\n\treserved_cpus=[1]",
        ),
    ),
    Phase.WORKERS: (_NO_TRITON,),
    Phase.WEIGHTS: (
        Line(
            "INFO",
            "parallel_state.py:1906",
            "world_size={world} rank={rank} local_rank={rank} "
            "distributed_init_method=file:///TMPDIR/vllm_dist_0 backend=gloo",
        ),
        Line(
            "INFO",
            "parallel_state.py:2350",
            "rank {rank} in world size {world} is assigned as DP rank 0, PP rank 0, PCP rank 0, "
            "TP rank {rank}, ETP rank 0, EP rank N/A, EPLB rank N/A",
        ),
        Line("INFO", "cpu_model_runner.py:68", "Starting to load model {model}..."),
        Line("INFO", "base_loader.py:82", "Initializing model took 0.388569 seconds"),
        Line(
            "INFO",
            "weight_utils.py:1108",
            "Filesystem type for checkpoints: EXT4. Checkpoint size: 0.25 GiB. "
            "Available RAM: 21.64 GiB.",
        ),
    ),
    Phase.MEMORY: (
        Line(
            "INFO",
            "torch_utils.py:295",
            "Reducing Torch threads from 2 to 1 for serving. Set OMP_NUM_THREADS in the external "
            "environment to override.",
        ),
        Line("INFO", "utils.py:347", "Using LBHNC KV cache layout."),
    ),
    Phase.WARMUP: (
        Line(
            "INFO",
            "kv_cache_utils.py:2327",
            "CPU KV cache size: {kv_tokens:,} tokens, Maximum concurrency for {max_model_len:,} "
            "tokens per request: {concurrency:.2f}x",
        ),
    ),
    Phase.APP: (
        Line("INFO", "entry.py:136", "Supported tasks: ['generate']"),
        Line(
            "INFO",
            "factories.py:89",
            "Scale-out endpoints are disabled. Restart vllm serve with --enable-scale-out to "
            "enable them.",
        ),
        Line(
            "INFO",
            "hf.py:648",
            "Detected the chat template content format to be 'string'. You can set "
            "`--chat-template-content-format` to override this.",
        ),
    ),
    Phase.LISTEN: (
        Line("INFO", "entry.py:140", "Starting vLLM server on {address}"),
        Line("INFO", "launcher.py:186", "Available routes are:"),
    ),
    Phase.READY: (
        Line("", "", "INFO:     Started server process [{pid}]"),
        Line("", "", "INFO:     Waiting for application startup."),
        Line("", "", "INFO:     Application startup complete."),
    ),
}
KV_SPACE = Line(
    "INFO", "cpu_worker.py:260", "Explicitly set ({space:.1f}/10.96) GiB for KV cache on node 0."
)
WEIGHTS_LOADED = Line("INFO", "default_loader.py:501", "Loading weights took {seconds:.2f} seconds")
WARM = (
    Line(
        "INFO",
        "core.py:402",
        "init engine (profile, create kv cache, warmup model) took {seconds:.2f} s",
    ),
    V1_RUNNER,
    *_PLATFORM,
)
SAMPLING_OVERRIDDEN = Line(
    "WARNING",
    "model.py:1893",
    "Default vLLM sampling parameters have been overridden by the model's "
    "`generation_config.json`: `{sampling}`. If this is not intended, please relaunch vLLM "
    "instance with `--generation-config vllm`.",
)
# What nanobind and the resource tracker say when vLLM ends: noise, and never a cause.
LAST_WORDS = (
    "nanobind: leaked 4 instances!",
    ' - leaked instance 0x7f748ea30b68 of type "triton._C.libtriton.ir.attribute"',
    "nanobind: this is likely caused by a reference counting issue in the binding code.",
)
TRACKER_WORDS = (
    "lib/python3.11/multiprocessing/resource_tracker.py:254: UserWarning: resource_tracker: There "
    "appear to be 1 leaked semaphore objects to clean up at shutdown",
    "  warnings.warn('resource_tracker: There appear to be %d '",
)
ROUTES = (
    ("/openapi.json", "GET, HEAD"),
    ("/docs", "GET, HEAD"),
    ("/docs/oauth2-redirect", "GET, HEAD"),
    ("/redoc", "GET, HEAD"),
    ("/load", "GET"),
    ("/version", "GET"),
    ("/kv_event_sources", "GET"),
    ("/health", "GET"),
    ("/metrics", "GET"),
    ("/tokenize", "POST"),
    ("/detokenize", "POST"),
    ("/v1/models", "GET"),
    ("/v1/systemone", "POST"),
    ("/ping", "GET"),
    ("/ping", "POST"),
    ("/invocations", "POST"),
    ("/v1/chat/completions", "POST"),
    ("/v1/chat/completions/batch", "POST"),
    ("/v1/responses", "POST"),
    ("/v1/responses/{response_id}", "GET"),
    ("/v1/responses/{response_id}/cancel", "POST"),
    ("/v1/completions", "POST"),
    ("/v1/messages", "POST"),
    ("/v1/messages/count_tokens", "POST"),
    ("/generative_scoring", "POST"),
    ("/scale_elastic_ep", "POST"),
    ("/is_scaling_elastic_ep", "POST"),
    ("/v1/chat/completions/render", "POST"),
    ("/v1/messages/render", "POST"),
    ("/v1/completions/render", "POST"),
    ("/v1/responses/render", "POST"),
    ("/v1/chat/completions/derender", "POST"),
    ("/v1/completions/derender", "POST"),
    ("/inference/v1/generate", "POST"),
    ("/inference/v1/abort_requests", "POST"),
)


def progress(shards: int, seconds: float) -> Iterator[str]:
    """The weight bar as tqdm writes it with vLLM's format: CR, text, LF; the end twice."""
    what = "\rLoading safetensors checkpoint shards"
    for done in range(shards + 1):
        gone = seconds * done / shards
        left = seconds - gone
        rate = f"{gone / done:5.2f}s/it" if done else "?, ?it/s"
        clock = f"{int(gone) // 60:02}:{int(gone) % 60:02}"
        ahead = f"<{int(left) // 60:02}:{int(left) % 60:02}, {rate}" if done else f"<{rate}"
        percent = 100 * done // shards
        yield f"{what}: {percent:3}% Completed | {done}/{shards} [{clock}{ahead}]\n"
        if done == shards:
            yield f"{what}: {percent:3}% Completed | {done}/{shards} [{clock}{ahead}]\n\n"
