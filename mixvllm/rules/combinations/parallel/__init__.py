"""Parallel sizes, data parallelism, expert parallelism, load balancing, executors."""

from collections.abc import Mapping
from typing import Final

# A rule's file, and the options that call it up.
RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "headless_api_servers": ("headless",),
    "one_load_balancer": (
        "data-parallel-external-lb",
        "data-parallel-hybrid-lb",
        "data-parallel-multi-port-external-lb",
    ),
}
