"""The cards of a machine, as they were at one moment.

A figure that a card could not give is None, and ``unavailable`` says why under the name the
figure has in our JSON (``memory.reserved_bytes``). So None never stands alone and is never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import Final

from mixvllm.core.diagnostic import Severity

FORMAT_VERSION: Final = 1
CUDA_TOTAL: Final = "memory.cuda_total_bytes"  # in the JSON only: it follows from two others

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
    "memory_temperature_celsius",
    "power_watts",
    "power_limit_watts",
    "fan_percent",
    "clocks.sm_mhz",
    "clocks.memory_mhz",
    "clocks.max_sm_mhz",
    "clocks.max_memory_mhz",
    "throttle_reasons",
    "pcie.generation",
    "pcie.max_generation",
    "pcie.width",
    "pcie.max_width",
    "pcie.replays",
    "persistence_mode",
    "compute_mode",
    "numa_node",
    "mig_enabled",
    "mig_devices",
    "ecc_enabled",
    "ecc_corrected_errors",
    "ecc_uncorrected_errors",
    "remapped_rows.correctable",
    "remapped_rows.uncorrectable",
    "row_remap_pending",
    "row_remap_failed",
    "retired_pages_pending",
    "recovery_action",
    "xids",
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

    @property
    def cuda_total_bytes(self) -> int | None:
        """What CUDA will call the card's memory, and vLLM takes its share of: without the
        driver's part. None where the driver does not tell its part.
        """
        if self.total_bytes is None or self.reserved_bytes is None:
            return None
        return self.total_bytes - self.reserved_bytes


@dataclass(frozen=True, slots=True)
class GpuUtilization:
    """Percent of the last sample period in which a kernel ran, or memory was accessed."""

    gpu_percent: int | None = None
    memory_percent: int | None = None


@dataclass(frozen=True, slots=True)
class GpuClocks:
    """Clocks now and at the most, in MHz."""

    sm_mhz: int | None = None
    memory_mhz: int | None = None
    max_sm_mhz: int | None = None
    max_memory_mhz: int | None = None


@dataclass(frozen=True, slots=True)
class PcieLink:
    """The link to the host: generation and lanes now, and the most that card and slot can.

    A card at rest lowers its generation; fewer lanes than it could have are a fault of the slot.
    """

    generation: int | None = None
    max_generation: int | None = None
    width: int | None = None
    max_width: int | None = None
    replays: int | None = None  # packets sent again since the driver was loaded


@dataclass(frozen=True, slots=True)
class RemappedRows:
    """Rows of memory that were replaced by spare ones, after errors of either kind."""

    correctable: int | None = None
    uncorrectable: int | None = None


@dataclass(frozen=True, slots=True)
class Xid:
    """An error that the kernel's log has of a card; NVIDIA's list says what ``code`` means."""

    code: int
    message: str
    seconds_ago: float | None = None  # before the inventory was taken


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that holds memory of a card; ``kinds`` are ``compute`` and ``graphics``."""

    pid: int
    kinds: tuple[str, ...]
    memory_bytes: int | None = None
    name: str | None = None
    user: str | None = None
    command: str | None = None  # the whole command line, as far as this user may see it
    instance: str | None = None  # the `mixvllm serve` it belongs to


@dataclass(frozen=True, slots=True)
class MigDevice:
    """A slice of a card, which CUDA sees as a device of its own by its UUID."""

    index: int  # among the slices of its card
    uuid: str | None = None
    profile: str | None = None  # "1g.10gb"
    gpu_instance: int | None = None
    compute_instance: int | None = None
    memory: GpuMemory = GpuMemory()
    processes: tuple[GpuProcess, ...] | None = None
    leased_by: str | None = None  # the `mixvllm serve` that has taken it


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
    memory_temperature_celsius: int | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    fan_percent: int | None = None
    clocks: GpuClocks = GpuClocks()
    throttle_reasons: tuple[str, ...] | None = None  # in words; () is full speed
    pcie: PcieLink = PcieLink()
    persistence_mode: bool | None = None
    compute_mode: str | None = None  # "default", "exclusive-process", "prohibited"
    numa_node: int | None = None
    mig_enabled: bool | None = None
    mig_devices: tuple[MigDevice, ...] | None = None
    ecc_enabled: bool | None = None
    ecc_corrected_errors: int | None = None  # since the driver was loaded
    ecc_uncorrected_errors: int | None = None  # since the driver was loaded
    remapped_rows: RemappedRows = RemappedRows()
    row_remap_pending: bool | None = None
    row_remap_failed: bool | None = None
    retired_pages_pending: bool | None = None  # what cards before Ampere do in place of remapping
    recovery_action: str | None = None  # "none", "reset", "reboot", "drain-p2p", "drain-and-reset"
    xids: tuple[Xid, ...] | None = None
    processes: tuple[GpuProcess, ...] | None = None
    leased_by: str | None = None  # the `mixvllm serve` that has taken it
    unavailable: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """One element of ``gpus`` in the document of `mixvllm gpus --format json`."""
        document = _object(self)
        if self.compute_capability is not None:
            document["compute_capability"] = "{}.{}".format(*self.compute_capability)
        reasons = dict(self.unavailable)
        if self.memory.cuda_total_bytes is None:
            total, reserved = "memory.total_bytes", "memory.reserved_bytes"
            reasons[CUDA_TOTAL] = reasons.get(total) or reasons.get(reserved) or "not known"
        document["unavailable"] = reasons
        return document


@dataclass(frozen=True, slots=True)
class GpuLink:
    """The way between two cards.

    ``path`` is the nearest thing that both hang on, in nvidia-smi's words, the nearest first:
    PIX (one PCIe switch), PXB (several), PHB (the host bridge), NODE (one NUMA node), SYS.
    """

    first: int  # indices of cards, first < second
    second: int
    path: str | None = None
    nvlinks: int | None = None  # active links between the two, through switches too
    peer_access: bool | None = None  # whether each may read the other's memory


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a card, or with the way to all of them (``gpu`` is None).

    ``code`` is stable. Of the way to all cards: ``no-library driver-not-loaded version-mismatch
    no-permission no-cards no-answer driver-error``. Of a card: ``card-lost card-error no-answer``,
    and those that :mod:`mixvllm.gpu.health` finds in its figures.
    """

    code: str
    message: str
    hint: str
    gpu: int | None = None
    severity: Severity = Severity.WARNING


@dataclass(frozen=True, slots=True)
class GpuInventory:
    """All cards at one moment; with no cards, ``problems`` says why there are none."""

    taken_at: datetime | None  # None: a file written by hand that does not say
    driver: Driver | None
    gpus: tuple[Gpu, ...]
    problems: tuple[Problem, ...]
    links: tuple[GpuLink, ...] | None = None  # None: nobody asked

    def problems_of(self, index: int) -> tuple[Problem, ...]:
        """What is wrong with one card."""
        return tuple(problem for problem in self.problems if problem.gpu == index)

    def as_json(self) -> dict[str, object]:
        """The document of `mixvllm gpus --format json`."""
        return {
            "format_version": FORMAT_VERSION,
            "taken_at": None if self.taken_at is None else self.taken_at.isoformat(),
            "driver": None if self.driver is None else _object(self.driver),
            "gpus": [gpu.as_json() for gpu in self.gpus],
            "problems": [_object(problem) for problem in self.problems],
            "links": None if self.links is None else [_object(link) for link in self.links],
        }


def _object(value: object) -> dict[str, object]:
    """The fields of a dataclass, and of those in it, in order."""
    if not is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"no dataclass: {value!r}")
    found = {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, GpuMemory):
        found["cuda_total_bytes"] = value.cuda_total_bytes
    return found


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return _object(value) if is_dataclass(value) else value
