"""How CUDA names its devices in CUDA_VISIBLE_DEVICES, before anybody looks for them; and how
several are named here.

An entry is an index or the beginning of a UUID (CUDA programming guide, environment variables).
"""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # a profile is checked without an inventory, most often
    from mixvllm.gpu.inventory import Gpu

# CUDA takes the beginning of a UUID for the whole; MIG-GPU-.../1/0 is the form of old drivers.
_UUID: Final = re.compile(r"(?:GPU|MIG|MIG-GPU)-[0-9a-fA-F][0-9a-fA-F-]*(?:/\d+/\d+)?")


def names_a_device(entry: str) -> bool:
    """Whether it has the form of an index or of a UUID."""
    return bool(re.fullmatch(r"[0-9]+", entry) or _UUID.fullmatch(entry))


def entries_of(text: str) -> tuple[str, ...]:
    """The entries of the variable as they are written, whatever they name."""
    parts = tuple(part.strip() for part in text.split(","))
    return () if parts == ("",) else parts


def taken(text: str) -> tuple[str, ...]:
    """The entries that CUDA would take, by their form alone: up to the first that has none, and
    none at all where one is repeated.
    """
    entries = entries_of(text)
    number = next((i for i, entry in enumerate(entries) if not names_a_device(entry)), None)
    named = entries[:number]
    return named if len({entry.lower() for entry in named}) == len(named) else ()


def cards_named(name: str, gpus: "Sequence[Gpu]") -> "tuple[Gpu, ...]":
    """The card of that index, or those whose UUID begins so."""
    if name.isdecimal():
        return tuple(gpu for gpu in gpus if gpu.index == int(name))
    if not name.startswith("GPU-"):
        return ()
    begins = name.lower()
    return tuple(gpu for gpu in gpus if (gpu.uuid or "").lower().startswith(begins))


def runs(indices: Iterable[int]) -> str:
    """``0-3``, ``0, 2-3``."""
    found = [
        [number for _, number in run]
        for _, run in groupby(enumerate(sorted(indices)), lambda pair: pair[1] - pair[0])
    ]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in found)
