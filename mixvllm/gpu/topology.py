"""Which cards belong together: how near they are to each other, and the best groups of a size.

Ranks of tensor parallelism wait for each other in every layer, so a group is as good as the
weakest way between two of its cards: NVLink before PCIe, a near way before a far one, one NUMA
node before two. Cards of different models are never put together: the slowest sets the pace,
and the smallest the memory.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from mixvllm.gpu.inventory import Gpu, GpuInventory, GpuLink

NOT_TOLD: Final = "?"

# What two cards have in common, the farthest first; nvidia-smi's words for it.
PATHS: Final = {
    "SYS": "across two sockets",
    "NODE": "across host bridges of one NUMA node",
    "PHB": "through the host bridge",
    "PXB": "through several PCIe switches",
    "PIX": "through one PCIe switch",
}
_RANKS: Final = {name: rank for rank, name in enumerate((NOT_TOLD, *PATHS))}
_NVLINK: Final = len(_RANKS)
_STEP: Final = 1000  # more than the links that two cards have
_ALONE: Final = 10**6  # the strength of a group without any way in it: above all others


@dataclass(frozen=True, slots=True)
class Way:
    """The way between two cards, as it is used: NVLink where there is one."""

    name: str  # "NV18", "PIX", ... "SYS", or "?"
    nvlinks: int = 0
    direct: bool = True  # False: the driver lets neither read the other's memory

    @property
    def strength(self) -> int:
        """Higher is better: peer access first, then what is between, then the number of links."""
        rank = _NVLINK if self.nvlinks else _RANKS[self.name]
        return (self.direct * (_NVLINK + 1) + rank) * _STEP + self.nvlinks

    @property
    def is_far(self) -> bool:
        """Whether ranks should rather not meet on it: across sockets, or without peer access."""
        return self.name == "SYS" or not self.direct

    @property
    def words(self) -> str:
        """As a person says it."""
        if self.nvlinks:
            return f"NVLink, {self.nvlinks} link{'s' * (self.nvlinks > 1)}"
        words = PATHS.get(self.name, "by a way that is not known")
        return words if self.direct else f"{words}, without peer access"


@dataclass(frozen=True, slots=True)
class Group:
    """Cards of one model that work together; ``weakest`` is the worst way between two of them.

    ``score`` compares groups of one size: the larger is the better one.
    """

    indices: tuple[int, ...]
    weakest: Way | None  # None: one card alone
    score: tuple[int, ...]

    @property
    def words(self) -> str:
        """The weakest way in words; nothing for one card."""
        return "" if self.weakest is None else self.weakest.words


Ways = Mapping[tuple[int, int], Way]


def ways_of(inventory: GpuInventory) -> Ways:
    """The way between each two cards, by their indices, both orders. Where the driver was not
    asked, or does not tell, the NUMA nodes say whether it crosses sockets.
    """
    told = {(link.first, link.second): link for link in inventory.links or ()}
    ways: dict[tuple[int, int], Way] = {}
    for one in inventory.gpus:
        for other in inventory.gpus:
            if one.index < other.index:
                way = _way(told.get((one.index, other.index)), one, other)
                ways[one.index, other.index] = ways[other.index, one.index] = way
    return ways


def _way(link: GpuLink | None, one: Gpu, other: Gpu) -> Way:
    if link is not None and link.nvlinks:
        return Way(f"NV{link.nvlinks}", link.nvlinks)
    path = link.path if link is not None else None
    if path is None and one.numa_node is not None and other.numa_node is not None:
        path = "NODE" if one.numa_node == other.numa_node else "SYS"
    name = path if path in PATHS else NOT_TOLD
    return Way(name, direct=link is None or link.peer_access is not False)


def best_groups(inventory: GpuInventory, size: int, among: Collection[int]) -> tuple[Group, ...]:
    """All groups of ``size`` cards with indices in ``among``, the best first; of equally good
    ones that with the lower indices. Empty where no model has so many cards.
    """
    ways = ways_of(inventory)
    strengths = {pair: way.strength for pair, way in ways.items()}
    of_strength = {way.strength: way for way in ways.values()}
    nodes = {gpu.index: gpu.numa_node for gpu in inventory.gpus}
    found = sorted(
        (-weakest, len({nodes[index] for index in indices} - {None}), -total, indices)
        for alike in models(inventory, among)
        for indices, weakest, total in _grown((), alike, size, _ALONE, 0, strengths)
    )
    return tuple(
        Group(indices, of_strength.get(-weakest), (-weakest, -spread, -total))
        for weakest, spread, total, indices in found
    )


def side_by_side(inventory: GpuInventory, size: int, among: Collection[int]) -> tuple[Group, ...]:
    """Groups that can work at the same time: the best one, then the best of what it leaves."""
    left, chosen = set(among), list[Group]()
    while groups := best_groups(inventory, size, left):
        chosen.append(groups[0])
        left -= set(groups[0].indices)
    return tuple(chosen)


def models(inventory: GpuInventory, among: Collection[int]) -> list[tuple[int, ...]]:
    """The indices in ``among``, those of one model together."""

    def model(gpu: Gpu) -> tuple[str, tuple[int, int]]:
        return gpu.name or "", gpu.compute_capability or (0, 0)

    here = sorted((gpu for gpu in inventory.gpus if gpu.index in among), key=model)
    return [tuple(sorted(gpu.index for gpu in alike)) for _, alike in groupby(here, key=model)]


def _grown(
    have: tuple[int, ...],
    rest: tuple[int, ...],
    missing: int,
    weakest: int,
    total: int,
    strengths: Mapping[tuple[int, int], int],
) -> Iterator[tuple[tuple[int, ...], int, int]]:
    """Each group that ``have`` becomes with so many of the rest, the strength of its weakest way
    and the sum of all. What groups have in common is looked at once: 16 cards make 12,870 groups
    of 8.
    """
    if missing == 0:
        yield have, weakest, total
        return
    for at in range(len(rest) - missing + 1):
        card = rest[at]
        new = [strengths[other, card] for other in have]
        yield from _grown(
            (*have, card), rest[at + 1 :], missing - 1,
            min(weakest, *new) if new else weakest, total + sum(new), strengths,
        )  # fmt: skip
