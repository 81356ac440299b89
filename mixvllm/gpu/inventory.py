"""The cards of a machine, as they were at one moment.

A figure that a card could not give is None, and ``unavailable`` says why under the name the
figure has in our JSON (``memory.reserved_bytes``). So None never stands alone and is never 0.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final

FORMAT_VERSION: Final = 1

FIELDS: Final = (
    "uuid",
    "name",
    "pci_bus_id",
    "compute_capability",
    "memory.total_bytes",
    "memory.used_bytes",
    "memory.free_bytes",
    "memory.reserved_bytes",
    "utilization.gpu_percent",
    "utilization.memory_percent",
    "temperature_celsius",
    "power_watts",
    "power_limit_watts",
    "mig_enabled",
    "ecc_uncorrected_errors",
    "row_remap_pending",
    "row_remap_failed",
    "processes",
)


@dataclass(frozen=True, slots=True)
class Driver:
    """The driver behind NVML. ``cuda_version`` is the newest CUDA it can run, e.g. ``13.0``."""

    version: str | None
    cuda_version: str | None


@dataclass(frozen=True, slots=True)
class GpuMemory:
    """Memory of a card, in bytes.

    total = used + free + reserved. The driver keeps ``reserved`` for itself; where it cannot
    tell (before R510) it is inside ``used``.
    """

    total_bytes: int | None = None
    used_bytes: int | None = None
    free_bytes: int | None = None
    reserved_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class GpuUtilization:
    """Percent of the last sample period in which a kernel ran, or memory was accessed."""

    gpu_percent: int | None = None
    memory_percent: int | None = None


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that holds memory of a card; ``kinds`` are ``compute`` and ``graphics``."""

    pid: int
    kinds: tuple[str, ...]
    memory_bytes: int | None = None
    name: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Gpu:
    """A card. ``index`` is NVML's: the order of the PCI bus, not always that of CUDA."""

    index: int
    uuid: str | None = None
    name: str | None = None
    pci_bus_id: str | None = None
    compute_capability: tuple[int, int] | None = None
    memory: GpuMemory = GpuMemory()
    utilization: GpuUtilization = GpuUtilization()
    temperature_celsius: int | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    mig_enabled: bool | None = None
    ecc_uncorrected_errors: int | None = None  # since the driver was loaded
    row_remap_pending: bool | None = None
    row_remap_failed: bool | None = None
    processes: tuple[GpuProcess, ...] | None = None
    unavailable: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """One element of ``gpus`` in the document of `mixvllm gpus --format json`."""
        capability = self.compute_capability
        return {
            "index": self.index,
            "uuid": self.uuid,
            "name": self.name,
            "pci_bus_id": self.pci_bus_id,
            "compute_capability": None if capability is None else "{}.{}".format(*capability),
            "memory": asdict(self.memory),
            "utilization": asdict(self.utilization),
            "temperature_celsius": self.temperature_celsius,
            "power_watts": self.power_watts,
            "power_limit_watts": self.power_limit_watts,
            "mig_enabled": self.mig_enabled,
            "ecc_uncorrected_errors": self.ecc_uncorrected_errors,
            "row_remap_pending": self.row_remap_pending,
            "row_remap_failed": self.row_remap_failed,
            "processes": None
            if self.processes is None
            else [asdict(process) | {"kinds": list(process.kinds)} for process in self.processes],
            "unavailable": dict(self.unavailable),
        }


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a card, or with the way to all of them (``gpu`` is None).

    ``code`` is stable: ``no-library driver-not-loaded version-mismatch no-permission no-cards
    no-answer driver-error card-lost card-error row-remap-pending row-remap-failed ecc-errors``.
    """

    code: str
    message: str
    hint: str
    gpu: int | None = None


@dataclass(frozen=True, slots=True)
class GpuInventory:
    """All cards at one moment; with no cards, ``problems`` says why there are none."""

    taken_at: datetime | None  # None: a file written by hand that does not say
    driver: Driver | None
    gpus: tuple[Gpu, ...]
    problems: tuple[Problem, ...]

    def problems_of(self, index: int) -> tuple[Problem, ...]:
        """What is wrong with one card."""
        return tuple(problem for problem in self.problems if problem.gpu == index)

    def as_json(self) -> dict[str, object]:
        """The document of `mixvllm gpus --format json`."""
        return {
            "format_version": FORMAT_VERSION,
            "taken_at": None if self.taken_at is None else self.taken_at.isoformat(),
            "driver": None if self.driver is None else asdict(self.driver),
            "gpus": [gpu.as_json() for gpu in self.gpus],
            "problems": [asdict(problem) for problem in self.problems],
        }
