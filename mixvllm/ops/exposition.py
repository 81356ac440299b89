"""A run and its cards as Prometheus text.

A figure of a card has the name and the unit that NVIDIA's DCGM exporter gives it (its default
counters, dcgm-exporter 4.5: ``etc/default-counters.csv``), with ``mixvllm_gpu_`` for
``DCGM_FI_DEV_`` and in lower case, and its labels: an alert rule carries over by that one change.
Two of them are no figures of DCGM's: a card's problems, and the memory that CUDA will see.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from mixvllm.core.board import Board
from mixvllm.gpu.inventory import Gpu, GpuInventory, MigDevice
from mixvllm.ops.answers import is_ready

_MIB: Final = 2**20
STATES: Final = (
    "preflight", "starting", "warming", "ready", "degraded", "draining", "stopping", "backoff",
    "stopped", "failed",
)  # fmt: skip
_LABELS: Final = ("gpu", "UUID", "pci_bus_id", "modelName", "GPU_I_PROFILE", "GPU_I_ID")

Figure: TypeAlias = float | int | None


@dataclass(frozen=True, slots=True)
class OfACard:
    """A figure of a card; ``field`` is DCGM's, without ``DCGM_FI_DEV_``."""

    field: str
    help: str
    read: Callable[[Gpu], Figure]


def _mib(size: int | None) -> Figure:
    return None if size is None else size / _MIB


OF_A_CARD: Final = (
    OfACard("SM_CLOCK", "SM clock in MHz", lambda gpu: gpu.clocks.sm_mhz),
    OfACard("MEM_CLOCK", "memory clock in MHz", lambda gpu: gpu.clocks.memory_mhz),
    OfACard("MEMORY_TEMP", "memory temperature in C", lambda gpu: gpu.memory_temperature_celsius),
    OfACard("GPU_TEMP", "temperature in C", lambda gpu: gpu.temperature_celsius),
    OfACard("POWER_USAGE", "power draw in W", lambda gpu: gpu.power_watts),
    OfACard("POWER_MGMT_LIMIT", "power limit in W", lambda gpu: gpu.power_limit_watts),
    OfACard("FAN_SPEED", "fan speed in %", lambda gpu: gpu.fan_percent),
    OfACard("PCIE_REPLAY_COUNTER", "PCIe retries", lambda gpu: gpu.pcie.replays),
    OfACard("PCIE_LINK_GEN", "PCIe generation now", lambda gpu: gpu.pcie.generation),
    OfACard("PCIE_LINK_WIDTH", "PCIe lanes now", lambda gpu: gpu.pcie.width),
    OfACard("GPU_UTIL", "GPU utilisation in %", lambda gpu: gpu.utilization.gpu_percent),
    OfACard(
        "MEM_COPY_UTIL", "memory utilisation in %", lambda gpu: gpu.utilization.memory_percent
    ),
    OfACard("XID_ERRORS", "code of the last XID error", lambda gpu: _last_xid(gpu)),
    OfACard("FB_TOTAL", "memory in MiB", lambda gpu: _mib(gpu.memory.total_bytes)),
    OfACard("FB_FREE", "memory free, in MiB", lambda gpu: _mib(gpu.memory.free_bytes)),
    OfACard("FB_USED", "memory used, in MiB", lambda gpu: _mib(gpu.memory.used_bytes)),
    OfACard(
        "FB_RESERVED", "memory kept by the driver, in MiB",
        lambda gpu: _mib(gpu.memory.reserved_bytes),
    ),
    OfACard(
        "ECC_SBE_VOL_TOTAL", "corrected memory errors since the driver was loaded",
        lambda gpu: gpu.ecc_corrected_errors,
    ),
    OfACard(
        "ECC_DBE_VOL_TOTAL", "uncorrectable memory errors since the driver was loaded",
        lambda gpu: gpu.ecc_uncorrected_errors,
    ),
    OfACard(
        "UNCORRECTABLE_REMAPPED_ROWS", "rows remapped for uncorrectable errors",
        lambda gpu: gpu.remapped_rows.uncorrectable,
    ),
    OfACard(
        "CORRECTABLE_REMAPPED_ROWS", "rows remapped for correctable errors",
        lambda gpu: gpu.remapped_rows.correctable,
    ),
    OfACard(
        "ROW_REMAP_FAILURE", "whether a row could not be remapped",
        lambda gpu: _flag(gpu.row_remap_failed),
    ),
    OfACard(
        "ROW_REMAP_PENDING", "whether a row waits for a reset",
        lambda gpu: _flag(gpu.row_remap_pending),
    ),
)  # fmt: skip


def _flag(value: bool | None) -> Figure:
    return None if value is None else int(value)


def _last_xid(gpu: Gpu) -> Figure:
    """0 when there was none, as DCGM has it."""
    if gpu.xids is None:
        return None
    return gpu.xids[-1].code if gpu.xids else 0


def name_of(figure: OfACard) -> str:
    """The name of its metric."""
    return f"mixvllm_gpu_{figure.field.lower()}"


def _labels(gpu: Gpu, piece: MigDevice | None = None) -> list[str]:
    return [
        str(gpu.index),
        gpu.uuid or "",
        gpu.pci_bus_id or "",
        gpu.name or "",
        (piece.profile or "") if piece else "",
        str(piece.gpu_instance) if piece and piece.gpu_instance is not None else "",
    ]


def card_metrics(inventory: GpuInventory) -> Iterator[Metric]:
    """The figures of all cards; what a card cannot say is left out, never 0."""
    for figure in OF_A_CARD:
        text = f"{figure.help} (DCGM_FI_DEV_{figure.field})"
        # Only what DCGM ends in _TOTAL can be a counter here: the writer adds that to any other.
        counts = figure.field.endswith("_VOL_TOTAL")
        kind = CounterMetricFamily if counts else GaugeMetricFamily
        family = kind(name_of(figure), text, labels=_LABELS)
        for gpu in inventory.gpus:
            value = figure.read(gpu)
            if value is not None:
                family.add_metric(_labels(gpu), float(value))
        for gpu, piece, value in _of_slices(figure.field, inventory):
            family.add_metric(_labels(gpu, piece), value)
        if family.samples:
            yield family
    yield from _of_ours(inventory)


def _of_slices(field: str, inventory: GpuInventory) -> Iterator[tuple[Gpu, MigDevice, float]]:
    """Slices of a card (MIG) tell their memory, and nothing else."""
    names = {"FB_TOTAL": "total_bytes", "FB_FREE": "free_bytes", "FB_USED": "used_bytes"}
    if field not in names:
        return
    for gpu in inventory.gpus:
        for piece in gpu.mig_devices or ():
            size = _mib(getattr(piece.memory, names[field]))
            if size is not None:
                yield gpu, piece, float(size)


def _of_ours(inventory: GpuInventory) -> Iterator[Metric]:
    visible = GaugeMetricFamily(
        "mixvllm_gpu_cuda_memory_bytes",
        "memory that CUDA will see: all of it less what the driver keeps",
        labels=_LABELS,
    )
    for gpu in inventory.gpus:
        if gpu.memory.cuda_total_bytes is not None:
            visible.add_metric(_labels(gpu), float(gpu.memory.cuda_total_bytes))
    problems = GaugeMetricFamily(
        "mixvllm_gpu_problem",
        "1 for each thing that is wrong with a card, by its code; see `mixvllm gpus`",
        labels=("gpu", "code"),
    )
    # Two of a kind are one series: Prometheus refuses it twice.
    for card, code in dict.fromkeys((problem.gpu, problem.code) for problem in inventory.problems):
        problems.add_metric(["" if card is None else str(card), code], 1.0)
    yield from (family for family in (visible, problems) if family.samples)


def run_metrics(board: Board, now: float) -> Iterator[Metric]:
    """The figures of a run, ``now`` seconds after its supervisor started."""
    name = board.run.name
    about = {"model": board.run.model, "profile": board.run.profile}
    if board.run.release is not None:
        about["vllm"] = board.run.release
    yield _one(InfoMetricFamily("mixvllm_instance", "what is served"), name, about)
    states = GaugeMetricFamily(
        "mixvllm_instance_state", "1 for the state it is in", labels=("instance", "state")
    )
    for state in STATES:
        states.add_metric([name, state], float(state == board.state))
    yield states
    figures: tuple[tuple[str, str, Figure], ...] = (
        ("ready", "whether requests are answered by the right model", int(is_ready(board))),
        ("uptime_seconds", "time since the supervisor started", now),
        ("serving_seconds", "time in which requests were answered", board.served_seconds(now)),
        ("start_seconds", "time from the engine's start to ready", board.start_seconds),
        (
            "engine_memory_bytes", "resident memory of the engine's processes",
            board.machine.engine_memory_bytes if board.machine else None,
        ),
        (
            "engine_cpu_percent", "CPU of the engine's processes; 100 is one core",
            board.machine.engine_cpu_percent if board.machine else None,
        ),
    )  # fmt: skip
    for word, text, value in figures:
        if value is not None:
            family = GaugeMetricFamily(f"mixvllm_{word}", text, labels=("instance",))
            family.add_metric([name], float(value))
            yield family
    counters = (
        ("restarts", "how often the engine was started again", board.restarts),
        ("log_lines", "lines of the engine's output", board.lines),
        ("log_lines_skipped", "lines that were not shown or not written", board.lines_skipped),
    )
    for word, text, count in counters:
        counter = CounterMetricFamily(f"mixvllm_{word}", text, labels=("instance",))
        counter.add_metric([name], float(count))
        yield counter


def _one(family: InfoMetricFamily, name: str, values: dict[str, str]) -> Metric:
    family.add_metric([], {"instance": name, **values})
    return family


class _Once(Collector):
    """Families that were made already, for the library's writer."""

    def __init__(self, families: Iterator[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """Each of them, once."""
        return self._families


def exposition(families: Iterator[Metric]) -> bytes:
    """Prometheus text, format 0.0.4."""
    return generate_latest(_Once(families))
