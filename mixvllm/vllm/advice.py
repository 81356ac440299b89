"""What became of an option that vLLM removed or is about to remove, in words.

Written by hand from vLLM's release notes and sources of the release named; a removed option
that is not here has only the names nearest to it. What to write instead, where something says
the same, is in :mod:`mixvllm.vllm.moves`.
"""

from typing import Final

REMOVED: Final[dict[str, tuple[str, str]]] = {  # option: (what became of it, what to do)
    "disable-log-requests": (
        "requests are not logged: off by default since 0.12",
        "take it out; the same is said by `enable-log-requests: false`",
    ),
    "swap-space": ("the V1 engine has no swap space: preempted requests are computed anew", ""),
    "task": ("runner and convert say it now", ""),
    "cuda-graph-sizes": ("it has another name", ""),
    "disable-mm-preprocessor-cache": ("it became a size", ""),
    "enable-multimodal-encoder-data-parallel": ("it became a mode", ""),
    "disable-frontend-multiprocessing": ("the V1 engine always runs in a process of its own", ""),
    "calculate-kv-scales": ("scales come with the checkpoint", ""),
    "use-gpu-for-pooling-score": ("scoring runs where it is fastest", ""),
}
_V0: Final = "the V1 engine works without it"
_EPLB: Final = "`eplb-config` holds it now"
_HOW: Final = "`speculative-config` holds it now"
_FIELDS: Final = "the model's files say it"
# Options and variables of recipes that are older than the oldest release known here. Each was
# in a release before 0.12.0 and is not in it: (what became of it, what to do).
LONG_GONE: Final[dict[str, tuple[str, str]]] = {
    "num-scheduler-steps": (_V0, ""),
    "multi-step-stream-outputs": (_V0, ""),
    "use-v2-block-manager": (_V0, ""),
    "num-lookahead-slots": (_V0, ""),
    "scheduler-delay-factor": (_V0, ""),
    "disable-async-output-proc": (_V0, ""),
    "preemption-mode": ("preempted requests are computed anew", ""),
    "tokenizer-pool-size": (_V0, ""),
    "max-seq-len-to-capture": (
        "CUDA graphs are captured by batch size",
        "take it out, or see `max-cudagraph-capture-size`",
    ),
    "max-context-len-to-capture": (
        "CUDA graphs are captured by batch size",
        "take it out, or see `max-cudagraph-capture-size`",
    ),
    "enable-reasoning": ("a parser alone switches it on", "set `reasoning-parser` alone"),
    "worker-use-ray": ("it became a backend", "write `distributed-executor-backend: ray`"),
    "engine-use-ray": (_V0, ""),
    "device": ("vLLM finds out where it runs", ""),
    "enable-prompt-adapter": ("prompt adapters are gone", ""),
    "quantization-param-path": ("scales come with the checkpoint", ""),
    "lora-extra-vocab-size": ("adapters bring no words of their own", ""),
    "image-input-type": (_FIELDS, ""),
    "image-token-id": (_FIELDS, ""),
    "num-redundant-experts": (_EPLB, "write `eplb-config: {num_redundant_experts: N}`"),
    "eplb-window-size": (_EPLB, "write `eplb-config: {window_size: N}`"),
    "eplb-step-interval": (_EPLB, "write `eplb-config: {step_interval: N}`"),
    "ngram-prompt-lookup-max": (_HOW, "write `speculative-config: {prompt_lookup_max: N, ...}`"),
    "speculative-draft-tensor-parallel-size": (
        _HOW,
        "write `speculative-config: {draft_tensor_parallel_size: N, ...}`",
    ),
    "VLLM_USE_V1": ("V1 is the only engine", ""),
    "VLLM_USE_TRITON_FLASH_ATTN": (_V0, ""),
}
DEPRECATED: Final[dict[str, str]] = {
    "disable-cascade-attn": "it has no effect: cascade attention is off unless asked for",
    "log-config-file": "see `VLLM_LOGGING_CONFIG_PATH`",
}
IDLE: Final = {"disable-cascade-attn": True}  # set to this, it says what is so without it
