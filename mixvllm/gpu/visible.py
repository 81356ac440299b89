"""How CUDA reads CUDA_VISIBLE_DEVICES: which cards a program would see, by which numbers, and
why some entries name none.

From the CUDA programming guide (section on environment variables) and the MIG user guide: an
entry is an index or the beginning of a UUID; the first one that names no device hides itself
and all behind it; a device that is named twice leaves an empty list; of MIG devices a program
sees one. Indices count in the order of CUDA_DEVICE_ORDER, which is NVML's (that of the PCI bus)
where all cards are of one model, or where it is PCI_BUS_ID.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mixvllm.gpu.device_names import cards_named, entries_of, names_a_device
from mixvllm.gpu.inventory import Gpu, GpuInventory, MigDevice

VARIABLE: Final = "CUDA_VISIBLE_DEVICES"
ORDER: Final = "CUDA_DEVICE_ORDER"
BY_BUS: Final = "PCI_BUS_ID"

_BEHIND: Final = "stands behind one that names no device"
_ONE_SLICE: Final = "a program sees one MIG device, the first of the list"
_TWICE: Final = "a device is named twice: CUDA takes the whole list for an empty one"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, what it names, and the number that CUDA gives it (None: CUDA does not see it).

    ``reason`` says why it is not seen, or why it is not known which card it is.
    """

    text: str
    device: int | None = None
    gpu: int | None = None  # the index of a card
    mig_device: int | None = None  # among the slices of that card
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Visible:
    """What CUDA_VISIBLE_DEVICES makes of the cards of a machine."""

    variable: str
    order: str | None
    entries: tuple[Entry, ...]

    def device_of(self, gpu: int, mig_device: int | None = None) -> int | None:
        """The number by which CUDA knows a card, or a slice of it."""
        asked = (gpu, mig_device)
        return next((e.device for e in self.entries if (e.gpu, e.mig_device) == asked), None)

    def as_json(self) -> dict[str, object]:
        """``visible`` in the document of `mixvllm gpus --format json`."""
        return {
            "cuda_visible_devices": self.variable,
            "cuda_device_order": self.order,
            "entries": [
                {
                    "text": entry.text,
                    "device": entry.device,
                    "gpu": entry.gpu,
                    "mig_device": entry.mig_device,
                    "reason": entry.reason,
                }
                for entry in self.entries
            ],
        }


def visible_cards(inventory: GpuInventory, environ: Mapping[str, str]) -> Visible | None:
    """How CUDA would read the variable on this machine; None where it is not set."""
    text = environ.get(VARIABLE)
    if text is None:
        return None
    order = environ.get(ORDER)
    reading = _Reading(inventory.gpus, by_bus=order == BY_BUS)
    return Visible(text, order, reading.read(entries_of(text)))


class _Reading:
    """One pass over the entries."""

    def __init__(self, gpus: Sequence[Gpu], *, by_bus: bool) -> None:
        self._gpus = gpus
        models = {gpu.name for gpu in gpus if gpu.name is not None}
        self._in_order = by_bus or len(models) < 2

    def read(self, entries: Sequence[str]) -> tuple[Entry, ...]:
        found = [self._entry(text) for text in entries]
        end = next((i for i, entry in enumerate(found) if entry.device is None), len(found))
        if _repeated(found[:end]):
            return tuple(replace(entry, device=None, reason=_TWICE) for entry in found)
        seen: list[Entry] = []
        devices, sliced = 0, False
        for entry in found[:end]:
            if entry.mig_device is not None and sliced:
                seen.append(replace(entry, device=None, reason=_ONE_SLICE))
                continue
            sliced = sliced or entry.mig_device is not None
            seen.append(replace(entry, device=devices))
            devices += 1
        behind = (replace(entry, device=None, reason=_BEHIND) for entry in found[end + 1 :])
        return (*seen, *found[end : end + 1], *behind)

    def _entry(self, text: str) -> Entry:
        """The entry by itself, ``device`` 0 when it names one."""
        if text.isdecimal() and names_a_device(text):
            return self._by_index(text)
        if not names_a_device(text):
            what = f"`{text}` is" if text else "an empty entry is"
            return Entry(text, reason=f"{what} neither an index nor a UUID")
        return self._slice(text) if text.startswith("MIG-") else self._by_uuid(text)

    def _by_index(self, text: str) -> Entry:
        if int(text) >= len(self._gpus):
            count = len(self._gpus)
            return Entry(text, reason=f"there is no card {text}: CUDA counts {count} from 0")
        if not self._in_order:
            return Entry(text, 0, reason=f"cards of several models: set {ORDER}={BY_BUS} to know"
                         " which one CUDA gives this number")  # fmt: skip
        gpu = sorted(self._gpus, key=lambda gpu: gpu.index)[int(text)]
        slices = gpu.mig_devices if gpu.mig_enabled else None
        if slices is not None and not slices:
            return Entry(text, None, gpu.index, None, f"card {text} is in MIG mode without a slice")
        return Entry(text, 0, gpu.index, slices[0].index if slices else None)

    def _by_uuid(self, text: str) -> Entry:
        cards = cards_named(text, self._gpus)
        if len(cards) > 1:
            which = ", ".join(str(card.index) for card in cards)
            return Entry(text, reason=f"the UUIDs of cards {which} begin so: write more of it")
        if not cards:
            silent = [str(gpu.index) for gpu in self._gpus if gpu.uuid is None]
            untold = f"; card {', '.join(silent)} does not tell its own" if silent else ""
            return Entry(text, reason=f"no card has this UUID{untold}")
        (gpu,) = cards
        if gpu.mig_enabled and not gpu.mig_devices:
            return Entry(text, None, gpu.index, None,
                         f"card {gpu.index} is in MIG mode without a slice")  # fmt: skip
        first = gpu.mig_devices[0].index if gpu.mig_enabled and gpu.mig_devices else None
        return Entry(text, 0, gpu.index, first)

    def _slice(self, text: str) -> Entry:
        found = [
            (gpu, each)
            for gpu in self._gpus
            for each in gpu.mig_devices or ()
            if _is_slice(text, gpu, each)
        ]
        if len(found) != 1:
            why = "several MIG devices begin so" if found else "no MIG device has this UUID"
            return Entry(text, reason=why)
        gpu, each = found[0]
        return Entry(text, 0, gpu.index, each.index)


def _is_slice(text: str, gpu: Gpu, each: MigDevice) -> bool:
    if "/" in text:
        card, instance, compute = text.removeprefix("MIG-").split("/")
        return (gpu.uuid or "").lower() == card.lower() and (
            each.gpu_instance == int(instance) and each.compute_instance == int(compute)
        )
    return (each.uuid or "").lower().startswith(text.lower())


def _repeated(entries: Sequence[Entry]) -> bool:
    """Whether two entries are the same device, however they are written."""
    names = [
        entry.text.lower() if entry.gpu is None else (entry.gpu, entry.mig_device)
        for entry in entries
    ]
    return len(set(names)) < len(names)
