"""Main memory as the CPU build of vLLM counts it: of the NUMA node of its first CPU, and no more
than a container's limit (vLLM 0.32.0, `utils/cpu_resource_utils.py`, get_memory_node_info).
"""

import os
from pathlib import Path
from typing import Final

from mixvllm.forecast.cards import Card
from mixvllm.forecast.interval import Interval

_NODES: Final = Path("/sys/devices/system/node")
_MEMINFO: Final = Path("/proc/meminfo")
_AVAILABLE: Final = ("MemFree", "Active(file)", "Inactive(file)", "SReclaimable")
_GROUPS: Final = (  # limit and use, of control groups of version 2 and 1, as a container sees them
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


def main_memory() -> Card | None:
    """Total and free; None where the system does not tell."""
    amounts = _amounts(_node() / "meminfo") or _amounts(_MEMINFO)
    if amounts is None:
        return None
    total, free = amounts
    for limit_file, use_file in _GROUPS:
        limit, used = _number(limit_file), _number(use_file)
        if limit is not None and limit < total:
            total, free = limit, max(0, min(free, limit - (used or 0)))
    return Card("main memory", "", Interval.exactly(total), total, free)


def _node() -> Path:
    """The folder of the node that has the first CPU this process may run on."""
    first = min(os.sched_getaffinity(0))
    for node in sorted(_NODES.glob("node[0-9]*")):
        if (node / f"cpu{first}").exists():
            return node
    return _NODES / "node0"


def _amounts(path: Path) -> tuple[int, int] | None:
    """Total and available, in bytes. A node's lines begin with ``Node 0``."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        words = [line.removeprefix("Node ").split() for line in lines]
        found = {w[-3].rstrip(":"): int(w[-2]) * 1024 for w in words if w[-1:] == ["kB"]}
        return found["MemTotal"], sum(found[name] for name in _AVAILABLE)
    except (OSError, ValueError, KeyError):
        return None


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.isdecimal() else None
