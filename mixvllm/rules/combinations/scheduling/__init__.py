"""The scheduler: batches, lengths, chunked prefill, async scheduling, priorities."""

from collections.abc import Mapping
from typing import Final

# A rule's file, and the options that call it up.
RULES: Final[Mapping[str, tuple[str, ...]]] = {}
