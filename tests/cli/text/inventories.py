"""Inventories to look at, and their lines as they are written without colours."""

from collections.abc import Iterable
from datetime import UTC, datetime

from mixvllm.cli.text.cells import Line, written
from mixvllm.cli.text.style import Paint
from mixvllm.gpu.inventory import (
    Driver,
    Gpu,
    GpuInventory,
    GpuLink,
    GpuMemory,
    GpuProcess,
    GpuUtilization,
    Problem,
)

GIB = 2**30
TAKEN = datetime(2026, 11, 22, 9, 12, 44, tzinfo=UTC)


def card(index: int, *processes: GpuProcess, **fields: object) -> Gpu:
    """A healthy card that serves nobody but these."""
    return Gpu(
        **{
            "index": index,
            "uuid": f"GPU-{index}",
            "name": "NVIDIA H100 80GB HBM3",
            "memory": GpuMemory(80 * GIB, 8 * GIB, 71 * GIB, GIB),
            "utilization": GpuUtilization(50, 10),
            "row_remap_pending": False,
            "processes": processes,
            **fields,  # type: ignore[arg-type]
        }
    )


def process(pid: int, gib: float | None, name: str | None = "python", **fields: str) -> GpuProcess:
    """A process with so much memory of a card."""
    size = None if gib is None else int(gib * GIB)
    return GpuProcess(pid, ("compute",), size, name, **fields)


def inventory(
    *gpus: Gpu, problems: tuple[Problem, ...] = (), links: tuple[GpuLink, ...] | None = None
) -> GpuInventory:
    """These cards, at a known moment."""
    return GpuInventory(TAKEN, Driver("580.95.05", "13.0"), gpus, problems, links)


def texts(lines: Iterable[Line]) -> list[str]:
    """As a terminal without colours shows them."""
    return [written(each, Paint(on=False)) for each in lines]
