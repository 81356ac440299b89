"""What to do instead of an option that vLLM removed or is about to remove.

Written by hand from vLLM's release notes and sources of the release named; a removed option
that is not here has only the names nearest to it.
"""

from typing import Final

REMOVED: Final[dict[str, tuple[str, str]]] = {  # option: (what became of it, what to write)
    "disable-log-requests": (
        "requests are not logged: off by default since 0.12",
        "take it out; the same is said by `enable-log-requests: false`",
    ),
    "swap-space": ("the V1 engine has no swap space: preempted requests are computed anew", ""),
    "cuda-graph-sizes": ("it moved", "`compilation-config: {cudagraph_capture_sizes: [...]}`"),
    "disable-mm-preprocessor-cache": ("it became a size", "`mm-processor-cache-gb: 0`"),
    "enable-multimodal-encoder-data-parallel": ("it became a mode", "`mm-encoder-tp-mode: data`"),
    "disable-frontend-multiprocessing": ("the V1 engine always runs in a process of its own", ""),
    "calculate-kv-scales": ("scales come with the checkpoint", ""),
    "use-gpu-for-pooling-score": ("scoring runs where it is fastest", ""),
}
TASKS: Final[dict[str, str]] = {  # --task VALUE until 0.12.0: `runner` and `convert` say the same
    "generate": "runner: generate",
    "embed": "runner: pooling, convert: embed",
    "embedding": "runner: pooling, convert: embed",
    "classify": "runner: pooling, convert: classify",
    "score": "runner: pooling, convert: classify",
    "reward": "runner: pooling",
    "transcription": "runner: generate",
    "draft": "runner: draft",
}
DEPRECATED: Final[dict[str, str]] = {
    "disable-cascade-attn": "it has no effect: cascade attention is off unless asked for",
    "log-config-file": "see `VLLM_LOGGING_CONFIG_PATH`",
}
