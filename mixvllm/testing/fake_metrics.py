"""The ``/metrics`` page of vLLM 0.32.0: its names, labels and types, moved by real requests.

The families and buckets are those of the recording ``tests/data/metrics_0.32.0.txt``;
the contract test compares the two. The help texts are ours.
"""

import gc
import os
import resource
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Labels = tuple[tuple[str, str], ...]

_FAST = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(20.0, 40.0, 80.0),
)
_SLOW = (
    *(0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0),
    *(240.0, 480.0, 960.0, 1920.0, 7680.0),
)
_FIRST = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5),
    *(10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0),
)
_STEP = (1.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0)
_HIGH = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5),
    *(5.0, 7.5, 10.0, 30.0, 60.0),
)

_GAUGES = {
    "num_requests_running": "Requests in the current batch",
    "num_requests_waiting": "Requests that wait for room",
    "kv_cache_usage_perc": "Share of the KV cache in use, 0 to 1",
}
_COUNTERS = {
    "estimated_flops_per_gpu": "Floating point operations, estimated",
    "estimated_read_bytes_per_gpu": "Bytes read from GPU memory, estimated",
    "estimated_write_bytes_per_gpu": "Bytes written to GPU memory, estimated",
    "prefix_cache_queries": "Prompt tokens looked up in the prefix cache",
    "prefix_cache_hits": "Prompt tokens found in the prefix cache",
    "external_prefix_cache_queries": "Prompt tokens looked up in other instances",
    "external_prefix_cache_hits": "Prompt tokens found in other instances",
    "mm_cache_queries": "Images and sounds looked up in their cache",
    "mm_cache_hits": "Images and sounds found in their cache",
    "num_preemptions": "Requests put back for want of KV cache",
    "prompt_tokens": "Prompt tokens processed",
    "prompt_tokens_cached": "Prompt tokens not computed again",
    "generation_tokens": "Tokens generated",
}
# One label more, with every value it can have.
_SPLIT = {
    "prompt_tokens_by_source": (
        "source",
        ("local_compute", "local_cache_hit", "external_kv_transfer"),
    ),
    "prompt_tokens_cached_by_source": (
        "source",
        ("device", "host", "p2p", "disk", "external_unspecified"),
    ),
    "request_success": ("finished_reason", ("stop", "length", "abort", "error", "repetition")),
}
_REJECTED = ("max_num_queued_reqs", "max_num_queued_tokens")
_SECONDS = {
    "time_to_first_token_seconds": _FIRST,
    "inter_token_latency_seconds": _FAST,
    "request_time_per_output_token_seconds": _FAST,
    "e2e_request_latency_seconds": _SLOW,
    "request_queue_time_seconds": _SLOW,
    "request_inference_time_seconds": _SLOW,
    "request_prefill_time_seconds": _SLOW,
    "request_decode_time_seconds": _SLOW,
}
_TOKENS = (
    "request_prompt_tokens",
    "request_generation_tokens",
    "request_max_num_generation_tokens",
    "request_params_max_tokens",
    "request_prefill_kv_computed_tokens",
)


@dataclass(slots=True)
class Histogram:
    """Counts of what was observed, by upper bound."""

    bounds: tuple[float, ...]
    counts: list[int] = field(init=False)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def samples(self, name: str, labels: Labels) -> Iterator[str]:
        """The lines of one histogram."""
        seen = 0
        for bound, count in zip((*self.bounds, None), self.counts, strict=True):
            seen += count
            le = "+Inf" if bound is None else repr(float(bound))
            yield sample(f"{name}_bucket", (*labels, ("le", le)), seen)
        yield sample(f"{name}_count", labels, seen)
        yield sample(f"{name}_sum", labels, self.total)


def sample(name: str, labels: Labels, value: float) -> str:
    """One line of the exposition format."""
    inside = ",".join(f'{key}="{text}"' for key, text in sorted(labels))
    return f"{name}{{{inside}}} {float(value)!r}" if inside else f"{name} {float(value)!r}"


def token_bounds(longest: int) -> tuple[float, ...]:
    """1, 2, 5, 10 ... up to the longest context, as vLLM builds its token histograms."""
    bounds = [float(m * 10**e) for e in range(12) for m in (1, 2, 5)]
    return tuple(bound for bound in bounds if bound <= longest)


def cache_config(*, tokens: int, size: int, max_model_len: int) -> dict[str, str]:
    """The labels of ``vllm:cache_config_info``; tokens and bytes of the KV cache."""
    unset = (
        "cache_hit_alignment_tokens hash_block_size kv_cache_layout kv_offloading_size "
        "mamba_block_size mamba_page_size_padded num_cpu_blocks num_gpu_blocks_override "
        "prefix_match_unit skip_page_size_padded sliding_window"
    )
    off = (
        "enable_mamba_shared_prefix_checkpoint is_attention_free kv_sharing_fast_prefill "
        "use_kda_recoverssm use_replayssm user_specified_block_size"
    )
    auto = "cache_dtype mamba_cache_dtype mamba_ssm_cache_dtype"
    return {
        **dict.fromkeys(unset.split(), "None"),
        **dict.fromkeys(off.split(), "False"),
        **dict.fromkeys(auto.split(), "auto"),
        "_block_size_resolved": "True",
        "block_size": "128",
        "effective_attention_block_size": "128",
        "enable_prefix_caching": "True",
        "gpu_memory_utilization": "0.92",
        "kv_cache_dtype_skip_layers": "[]",
        "kv_cache_max_concurrency": str(tokens / max_model_len),
        "kv_cache_memory_bytes": str(size),
        "kv_cache_size_tokens": str(tokens),
        "kv_offloading_backend": "native",
        "mamba_cache_mode": "none",
        "num_gpu_blocks": str(tokens // 128),
        "prefix_cache_retention_interval": "0",
        "prefix_caching_hash_algo": "sha256",
        "replayssm_buffer_len": "16",
        "swa_bounded_replay": "True",
    }


class Metrics:
    """Everything that is counted, by the engine and by the web server before it."""

    def __init__(self, *, model: str, max_model_len: int, cache: Mapping[str, str]) -> None:
        self.created = time.time()
        self.cache = cache
        self._model: Labels = (("model_name", model),)
        self._labels: Labels = (("engine", "0"), *self._model)
        self.gauges = dict.fromkeys(_GAUGES, 0.0)
        self.counters = dict.fromkeys(_COUNTERS, 0.0)
        self.split = {name: dict.fromkeys(values, 0.0) for name, (_, values) in _SPLIT.items()}
        tokens = token_bounds(max_model_len)
        self.histograms = {
            **{name: Histogram(tokens) for name in _TOKENS},
            "iteration_tokens_total": Histogram(_STEP),
            "request_params_n": Histogram((1.0, 2.0, 5.0, 10.0, 20.0)),
            "request_num_preemptions": Histogram((1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0)),
            **{name: Histogram(bounds) for name, bounds in _SECONDS.items()},
        }
        self.requests: dict[Labels, float] = {}
        self.sizes: dict[str, dict[str, list[int]]] = {"request": {}, "response": {}}
        self.latency = Histogram(_HIGH)
        self.handler_latency: dict[Labels, Histogram] = {}

    def observe(self, name: str, value: float) -> None:
        """Count one value in vLLM's histogram of that name."""
        self.histograms[name].observe(value)

    def served(
        self, handler: str, method: str, status: int, *, received: int, sent: int, seconds: float
    ) -> None:
        """Count one HTTP request; sizes in bytes."""
        labels: Labels = (("handler", handler), ("method", method))
        by_status = (*labels, ("status", f"{status // 100}xx"))
        self.requests[by_status] = self.requests.get(by_status, 0.0) + 1
        for kind, size in (("request", received), ("response", sent)):
            count_and_sum = self.sizes[kind].setdefault(handler, [0, 0])
            count_and_sum[0] += 1
            count_and_sum[1] += size
        self.latency.observe(seconds)
        self.handler_latency.setdefault(labels, Histogram((0.1, 0.5, 1.0))).observe(seconds)

    def text(self) -> str:
        """The whole page."""
        return "\n".join([*_python(), *_process(), *self._engine(), *self._http()]) + "\n"

    def _engine(self) -> Iterator[str]:
        for name, text in _GAUGES.items():
            yield from _head(f"vllm:{name}", "gauge", text)
            yield sample(f"vllm:{name}", self._labels, self.gauges[name])
        yield from _head("vllm:num_requests_waiting_by_reason", "gauge", "Why requests wait")
        for reason, count in (("capacity", self.gauges["num_requests_waiting"]), ("deferred", 0)):
            labels = (*self._labels, ("reason", reason))
            yield sample("vllm:num_requests_waiting_by_reason", labels, count)
        yield from _head("vllm:engine_sleep_state", "gauge", "Whether the engine is awake")
        for state in ("awake", "weights_offloaded", "discard_all"):
            labels = (*self._labels, ("sleep_state", state))
            yield sample("vllm:engine_sleep_state", labels, state == "awake")
        for name, text in _COUNTERS.items():
            yield from self._counter(name, text, {self._labels: self.counters[name]})
        for name, (label, _) in _SPLIT.items():
            values = {(*self._labels, (label, key)): n for key, n in self.split[name].items()}
            yield from self._counter(name, f"By {label}", values)
        refused = {(*self._model, ("reason", reason)): 0.0 for reason in _REJECTED}
        yield from self._counter("admission_rejections", "Requests refused by a limit", refused)
        for name, histogram in self.histograms.items():
            yield from _head(f"vllm:{name}", "histogram", name.replace("_", " "))
            yield from histogram.samples(f"vllm:{name}", self._labels)
            yield from self._born(f"vllm:{name}_created", [self._labels])
        yield from _head("vllm:cache_config_info", "gauge", "How the KV cache is set up")
        labels = (("engine", "0"), *self.cache.items())
        yield sample("vllm:cache_config_info", labels, 1)

    def _http(self) -> Iterator[str]:
        yield from _head("http_requests_total", "counter", "Requests by handler")
        yield from (sample("http_requests_total", key, n) for key, n in self.requests.items())
        yield from self._born("http_requests_created", list(self.requests))
        for kind, sizes in self.sizes.items():
            name = f"http_{kind}_size_bytes"
            yield from _head(name, "summary", f"Size of the {kind} body")
            for handler, (count, total) in sizes.items():
                yield sample(f"{name}_count", (("handler", handler),), count)
                yield sample(f"{name}_sum", (("handler", handler),), total)
            yield from self._born(f"{name}_created", [(("handler", key),) for key in sizes])
        name = "http_request_duration_highr_seconds"
        yield from _head(name, "histogram", "Time to answer, in seconds")
        yield from self.latency.samples(name, ())
        yield from self._born(f"{name}_created", [()])
        name = "http_request_duration_seconds"
        yield from _head(name, "histogram", "Time to answer by handler, in seconds")
        for labels, histogram in self.handler_latency.items():
            yield from histogram.samples(name, labels)
        yield from self._born(f"{name}_created", list(self.handler_latency))

    def _counter(self, name: str, text: str, values: Mapping[Labels, float]) -> Iterator[str]:
        yield from _head(f"vllm:{name}_total", "counter", text)
        yield from (sample(f"vllm:{name}_total", labels, n) for labels, n in values.items())
        yield from self._born(f"vllm:{name}_created", list(values))

    def _born(self, name: str, each: list[Labels]) -> Iterator[str]:
        yield from _head(name, "gauge", "When the count began")
        yield from (sample(name, labels, self.created) for labels in each)


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def _python() -> Iterator[str]:
    for name, key in (
        ("python_gc_objects_collected_total", "collected"),
        ("python_gc_objects_uncollectable_total", "uncollectable"),
        ("python_gc_collections_total", "collections"),
    ):
        yield from _head(name, "counter", f"Garbage collector: {key}")
        for generation, stats in enumerate(gc.get_stats()):
            yield sample(name, (("generation", str(generation)),), stats[key])
    yield from _head("python_info", "gauge", "The interpreter")
    version = sys.version_info
    yield sample(
        "python_info",
        (
            ("implementation", "CPython"),
            ("major", str(version.major)),
            ("minor", str(version.minor)),
            ("patchlevel", str(version.micro)),
            ("version", ".".join(map(str, version[:3]))),
        ),
        1,
    )


def _process() -> Iterator[str]:
    """What the kernel says of this process (proc(5): statm in pages, stat in ticks)."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 - pathlib is not worth its import here
        virtual, resident, *_ = (int(word) * resource.getpagesize() for word in file.read().split())
    with open("/proc/self/stat") as file:  # noqa: PTH123
        ticks = int(file.read().rpartition(")")[2].split()[19])
    with open("/proc/stat") as file:  # noqa: PTH123
        boot = next(int(line.split()[1]) for line in file if line.startswith("btime"))
    times = os.times()
    for name, kind, value in (
        ("process_virtual_memory_bytes", "gauge", virtual),
        ("process_resident_memory_bytes", "gauge", resident),
        ("process_start_time_seconds", "gauge", boot + ticks / os.sysconf("SC_CLK_TCK")),
        ("process_cpu_seconds_total", "counter", times.user + times.system),
        ("process_open_fds", "gauge", len(os.listdir("/proc/self/fd"))),  # noqa: PTH208
        ("process_max_fds", "gauge", resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
    ):
        yield from _head(name, kind, "From /proc")
        yield sample(name, (), value)
