"""How near the cards are to each other, and what that means for tensor parallelism."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from mixvllm.cli.streams import visible as shown
from mixvllm.cli.text.cells import Line, Span, cells, line, wrapped
from mixvllm.cli.text.gpus import visible_sentences
from mixvllm.cli.text.style import Tone
from mixvllm.gpu.device_names import runs
from mixvllm.gpu.health import UNFIT
from mixvllm.gpu.inventory import GpuInventory
from mixvllm.gpu.topology import PATHS, Ways, models, side_by_side, ways_of
from mixvllm.gpu.visible import Visible

_SIZES: Final = (2, 4, 8)
_HEAD: Final = 6  # cells of the first column
_GAP: Final = 2
_ABSENT: Final = "·"


def topology_lines(
    inventory: GpuInventory, *, width: int, visible: Visible | None = None
) -> list[Line]:
    """The matrix, what its words mean, and which cards belong together."""
    ways = ways_of(inventory)
    lines = _matrix(inventory, ways, width, visible)
    used = {way.name: way.words for way in ways.values() if way.direct or way.nvlinks}
    used |= {way.name: PATHS[way.name] for way in ways.values() if way.name in PATHS}
    order = sorted(used, key=lambda name: list(PATHS).index(name) if name in PATHS else 99)
    legend = "; ".join(f"{name}: {used[name]}" for name in reversed(order))
    notes = [legend] if legend else []
    if inventory.links is None:
        notes.append("the driver was not asked for links: this is what the NUMA nodes say")
    advice = [*_together(inventory), *_avoid(inventory, ways), *visible_sentences(visible)]
    below = [line(part) for note in advice for part in wrapped(note, width, indent="    ")]
    legends = [line(part, Tone.DIM) for note in notes for part in wrapped(f" {note}", width,
               indent=" ")]  # fmt: skip
    return [*lines, (), *legends, *([()] if below else []), *below]


def _matrix(inventory: GpuInventory, ways: Ways, width: int, visible: Visible | None) -> list[Line]:
    """A row for each card, in as many blocks as the width asks for."""
    indices = [gpu.index for gpu in inventory.gpus]
    extra: list[tuple[str, list[str]]] = [
        ("NUMA", ["-" if gpu.numa_node is None else str(gpu.numa_node) for gpu in inventory.gpus])
    ]
    if visible is not None:
        numbers = [visible.device_of(index) for index in indices]
        extra.append(("cuda", ["-" if number is None else str(number) for number in numbers]))
    columns = [
        (str(one), [ways[other, one].name if other != one else _ABSENT for other in indices])
        for one in indices
    ]
    columns = extra + columns
    sizes = [max(map(cells, (head, *texts))) for head, texts in columns]
    lines: list[Line] = []
    for start, end in _blocks(sizes, width - _HEAD):
        lines += [()] if lines else []
        block = list(zip(columns[start:end], sizes[start:end], strict=True))
        heads = [Span(f"{'':{_GAP}}{head:>{size}}", Tone.DIM) for (head, _), size in block]
        lines.append((Span(f" {'card':<{_HEAD - 1}}", Tone.DIM), *heads))
        for row, index in enumerate(indices):
            parts = [_cell(texts[row], size) for (_, texts), size in block]
            lines.append((Span(f" {index:<{_HEAD - 1}}", Tone.NAME), *parts))
    return lines


def _cell(text: str, size: int) -> Span:
    tone = Tone.RIGHT if text.startswith("NV") else Tone.DIM if text == _ABSENT else None
    return Span(f"{'':{_GAP}}{text:>{size}}", tone)


def _blocks(sizes: Sequence[int], width: int) -> Iterator[tuple[int, int]]:
    """Which columns stand beside each other: from, and up to."""
    start = used = 0
    for at, size in enumerate(sizes):
        if at > start and used + size + _GAP > width:
            yield start, at
            start, used = at, 0
        used += size + _GAP
    yield start, len(sizes)


def _together(inventory: GpuInventory) -> Iterator[str]:
    ill = {p.gpu for p in inventory.problems if p.gpu is not None and p.code in UNFIT}
    well = [g.index for g in inventory.gpus if g.index not in ill and not g.mig_enabled]
    for size in _SIZES:
        groups = side_by_side(inventory, size, well)
        if groups:
            sets = groupby(groups, key=lambda group: group.words)
            told = [
                f"{' | '.join(runs(g.indices) for g in alike)} ({words})" for words, alike in sets
            ]
            yield f"tensor parallelism of {size}: cards {', then '.join(told)}"
    left_out = sorted(ill & {gpu.index for gpu in inventory.gpus})
    if left_out:
        yield f"not counted: card{'s' * (len(left_out) > 1)} {runs(left_out)}, see `mixvllm gpus`"


def _avoid(inventory: GpuInventory, ways: Ways) -> Iterator[str]:
    """Pairs to keep out of one group: parts of the machine that are far from each other."""
    for alike in models(inventory, [gpu.index for gpu in inventory.gpus]):
        far = [way for (one, other), way in ways.items()
               if way.is_far and one < other and {one, other} <= set(alike)]  # fmt: skip
        if not far:
            continue
        parts = _near_parts(alike, ways)
        if all(not way.direct for way in far) and len(parts) == len(alike):
            yield "no card may read another's memory (peer access): all goes through the host"
        elif len(parts) > 1:
            worst = min(far, key=lambda way: way.strength)
            between = " and ".join(runs(part) for part in parts)
            yield f"avoid a group with cards of both {between}: {worst.words}"
    kinds = models(inventory, [gpu.index for gpu in inventory.gpus])
    names = {gpu.index: gpu.name for gpu in inventory.gpus}
    known = [kind for kind in kinds if names[kind[0]]]
    if len(known) > 1:
        told = "; ".join(f"{runs(kind)} {shown(names[kind[0]] or '')}" for kind in known)
        yield f"never mix models: {told}"


def _near_parts(indices: Sequence[int], ways: Ways) -> list[tuple[int, ...]]:
    """The cards in parts, within which one comes from any card to any other without a far way."""
    parts: list[set[int]] = []
    for index in indices:
        near = [part for part in parts if any(not ways[index, other].is_far for other in part)]
        parts = [part for part in parts if part not in near] + [{index}.union(*near)]
    return sorted(tuple(sorted(part)) for part in parts)
