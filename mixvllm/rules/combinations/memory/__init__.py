"""The KV cache, its types, offloading and transfer; weights that are offloaded."""

from collections.abc import Mapping
from typing import Final

# A rule's file, and the options that call it up.
RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "cache_bytes": ("kv-cache-memory-bytes",),
    "cache_events_off": ("kv-events-config",),
    "cache_events_prefix": ("kv-events-config",),
    "child_connectors": ("kv-transfer-config",),
    "ec_connector": ("ec-transfer-config",),
    "ec_role": ("ec-transfer-config",),
    "engram_huge_pages": ("engram-config",),
    "engram_ranks": ("engram-config",),
    "engram_shared_memory": ("engram-config",),
    "expandable_segments": ("kv-transfer-config",),
    "kv_connector": ("kv-transfer-config",),
    "kv_role": ("kv-transfer-config",),
    "mamba_block_prefix": ("mamba-block-size",),
    "nixl_context": ("decode-context-parallel-size",),
    "offload_group": ("offload-group-size",),
    "offload_one_way": ("cpu-offload-gb", "offload-group-size"),
    "offload_unused": (
        "cpu-offload-params",
        "offload-params",
        "offload-num-in-group",
        "offload-prefetch-step",
    ),
    "offloading_backend": ("kv-offloading-backend",),
    "offloading_bytes": ("kv-transfer-config",),
    "offloading_connector": ("kv-offloading-size",),
    "offloading_size": ("kv-offloading-backend",),
    "prefetch_group": ("offload-backend",),
    "prefetch_step": ("offload-prefetch-step",),
    "replay_buffer": ("use-replayssm",),
    "replay_connector": ("use-replayssm",),
    "routed_experts_connector": ("enable-return-routed-experts",),
    "sparse_admission": ("scheduler-reserve-full-isl", "disable-hybrid-kv-cache-manager"),
    "sparse_context_pipeline": ("pipeline-parallel-size", "decode-context-parallel-size"),
}
