"""The scheduler: batches, lengths, chunked prefill, async scheduling, priorities."""

from collections.abc import Mapping
from typing import Final

# A rule's file, and the options that call it up.
RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "active_sequences": ("max-num-active-seqs",),
    "aligned_mamba_input": ("disable-chunked-mm-input",),
    "async_executor": ("async-scheduling",),
    "async_pipeline": ("async-scheduling",),
    "batch_below_length": ("enable-chunked-prefill",),
    "batch_below_sequences": ("max-num-batched-tokens",),
    "hybrid_cache_events": ("disable-hybrid-kv-cache-manager",),
    "long_partial_prefills": ("max-long-partial-prefills",),
    "long_prefill_adaptive": ("long-prefill-token-threshold-adaptive",),
    "long_prefill_length": ("long-prefill-token-threshold",),
    "partial_prefills_chunked": ("max-num-partial-prefills",),
}
