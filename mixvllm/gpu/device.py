"""What CUDA counts as one device: a card, or a slice of one (MIG)."""

from collections.abc import Sequence
from dataclasses import dataclass

from mixvllm.gpu.inventory import Gpu, GpuInventory, GpuMemory, GpuProcess, MigDevice


@dataclass(frozen=True, slots=True)
class Device:
    """A card, or a slice of one."""

    gpu: Gpu
    part: MigDevice | None = None

    @property
    def uuid(self) -> str | None:
        """The name that stays the same whatever else is in the machine."""
        return self.gpu.uuid if self.part is None else self.part.uuid

    @property
    def memory(self) -> GpuMemory:
        """Its own memory: a slice has a part of the card's."""
        return self.gpu.memory if self.part is None else self.part.memory

    @property
    def total_bytes(self) -> int | None:
        """What CUDA calls its memory, as far as it is known."""
        exact = self.memory.cuda_total_bytes
        return self.memory.total_bytes if exact is None else exact

    @property
    def label(self) -> str:
        """``2``, and ``2:0`` for a slice, as NVIDIA's tools have it."""
        return str(self.gpu.index) if self.part is None else f"{self.gpu.index}:{self.part.index}"

    @property
    def words(self) -> str:
        """``card 2``, ``slice 0 of card 2``."""
        card = f"card {self.gpu.index}"
        return card if self.part is None else f"slice {self.part.index} of {card}"

    @property
    def processes(self) -> tuple[GpuProcess, ...] | None:
        """Who holds memory there; None where the driver does not tell."""
        return self.gpu.processes if self.part is None else self.part.processes


def devices(inventory: GpuInventory) -> tuple[Device, ...]:
    """All devices. A card that is split into slices is none any more, its slices are."""
    return tuple(
        device
        for gpu in inventory.gpus
        for device in ([Device(gpu, part) for part in gpu.mig_devices or ()] or [Device(gpu)])
    )


def place_of(device: Device) -> tuple[int, int]:
    """Its place in the order of a machine."""
    return device.gpu.index, -1 if device.part is None else device.part.index


def named(some: Sequence[Device]) -> str:
    """``card 2``, ``cards 0-3``, ``cards 2 and 3``, ``slice 0 of card 1``."""
    if len(some) == 1:
        return some[0].words
    return f"cards {_listed([device.label for device in sorted(some, key=place_of)])}"


def _listed(labels: Sequence[str]) -> str:
    numbers = [int(label) for label in labels if label.isdecimal()]
    if len(numbers) == len(labels) > 2 and numbers == [*range(numbers[0], numbers[-1] + 1)]:
        return f"{labels[0]}-{labels[-1]}"
    return " and ".join(filter(None, (", ".join(labels[:-1]), labels[-1])))
