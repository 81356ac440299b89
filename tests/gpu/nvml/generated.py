"""Scenarios that are too long to be written by hand: many processes, many cards, many slices."""

import os
from collections.abc import Iterator

from tests.gpu.nvml.playing import scenario_text

GIB = 2**30
FIRST_PID = 5_000_000  # above Linux' largest pid, so that none of them is a real process


def many_processes(count: int = 500) -> str:
    """Two cards; the first one is shared by so many processes, of which this one is alive."""
    pids = [os.getpid(), *range(FIRST_PID, FIRST_PID + count - 1)]
    compute = ",".join(f"{pid}:{2**20 * (1 + number % 64)}" for number, pid in enumerate(pids))
    return scenario_text("two-h100") + f"0.compute={compute}\n"


def sixteen_cards() -> str:
    """Two of the large servers in one: sixteen cards on four NUMA nodes, all on one fabric."""
    return scenario_text("eight-h200") + "\n".join(["gpus=16", *_sixteen(), ""])


def _sixteen() -> Iterator[str]:
    for card in range(16):
        yield f"{card}.uuid=GPU-16161616-0000-4000-8000-{card:012d}"
        yield f"{card}.serial=16{card:011d}"
        yield f"{card}.bus=0000000{card // 8}:{16 + 8 * (card % 8):02X}:00.0"
        yield f"{card}.numa={card // 4}"
        yield f"{card}.cpus={28 * (card // 4)}-{28 * (card // 4) + 27}"
        yield f"{card}.temperature={30 + card}"
        yield f"{card}.memory_used={card * GIB}"
        yield f"{card}.util_gpu={card * 6}"
        yield f"{card}.compute="


def mig_everywhere() -> str:
    """Eight cards of seven slices each; every slice has a process of its own."""
    return scenario_text("eight-h100") + "\n".join(["*.mig=1", *_slices(), ""])


def _slices() -> Iterator[str]:
    yield "*.mig.*.profile=1g.10gb"
    yield "*.mig.*.multiprocessors=16"
    yield f"*.mig.*.memory_total={9984 * 2**20}"
    yield f"*.mig.*.memory_reserved={31 * 2**20}"
    yield "*.mig.*.graphics="
    for card in range(8):
        yield f"{card}.compute="
        yield f"{card}.memory_used={7 * 2 * GIB}"
        for part in range(7):
            name = f"{card}.mig.{part}"
            yield f"{name}.uuid=MIG-{card}{part}000000-0000-5000-8000-{card * 7 + part:012d}"
            yield f"{name}.gpu_instance={7 + part}"
            yield f"{name}.memory_used={2 * GIB}"
            yield f"{name}.compute={FIRST_PID + card * 7 + part}:{2 * GIB - 2**22}"
