"""All processes of all cards, those with the most memory first."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from mixvllm.cli.streams import visible as shown
from mixvllm.cli.text.cells import Line, in_ascii, line, wrapped
from mixvllm.cli.text.style import Tone
from mixvllm.cli.text.table import Column, Row, table
from mixvllm.core.units import show_size
from mixvllm.gpu.inventory import Gpu, GpuInventory, GpuProcess

_INSTANCE: Final = Column("instance", 2)
_COLUMNS: Final = (
    Column("pid", 0, right=True),
    Column("user", 3),
    Column("card", 1),
    Column("memory", 0, right=True),
    _INSTANCE,
    Column("command", 4, least=8),
)
_NAMES: Final = "processes.name"


class Held(NamedTuple):
    """A process and the cards, or slices of cards, whose memory it holds."""

    process: GpuProcess
    cards: tuple[str, ...]
    memory_bytes: int | None  # of all of them; None where one of them does not tell


def held(inventory: GpuInventory) -> list[Held]:
    """A process that uses several cards is one; the most memory first."""
    found: dict[int, Held] = {}
    for card, process in _by_card(inventory):
        before = found.get(process.pid)
        if before is None:
            found[process.pid] = Held(process, (card,), process.memory_bytes)
        else:
            known = before.memory_bytes is not None and process.memory_bytes is not None
            both = (before.memory_bytes or 0) + (process.memory_bytes or 0)
            found[process.pid] = Held(
                before.process, (*before.cards, card), both if known else None
            )
    return sorted(found.values(), key=lambda each: (-(each.memory_bytes or 0), each.process.pid))


def _by_card(inventory: GpuInventory) -> Iterator[tuple[str, GpuProcess]]:
    for gpu in inventory.gpus:
        in_slices = {p.pid for each in gpu.mig_devices or () for p in each.processes or ()}
        for each in gpu.mig_devices or ():
            for process in each.processes or ():
                yield f"{gpu.index}:{each.index}", process
        for process in gpu.processes or ():
            if process.pid not in in_slices:  # the parent may count them again
                yield str(gpu.index), process


def process_lines(inventory: GpuInventory, *, width: int, ascii_only: bool = False) -> list[Line]:
    """A line for each process, and what is not known of them."""
    processes = held(inventory)
    lines: list[Line] = []
    if processes:
        ours = any(each.process.instance for each in processes)
        columns = [column for column in _COLUMNS if ours or column is not _INSTANCE]
        rows = [Row(tuple(_cells(each)[column.head] for column in columns)) for each in processes]
        if ascii_only:
            rows = [row.mapped(in_ascii) for row in rows]
        lines += table(columns, rows, width).lines
    elif any(gpu.processes is not None for gpu in inventory.gpus):
        lines.append(line(" nobody holds memory of a card"))
    notes = [*_unnamed(inventory, processes), *_silent(inventory.gpus)]
    below = [line(part) for note in notes for part in wrapped(note, width, indent="  ")]
    return [*lines, (), *below, line(_sum(processes), Tone.DIM)]


def _cells(each: Held) -> dict[str, Line]:
    """What stands in a column, by its head."""
    process, size = each.process, each.memory_bytes
    return {
        "pid": line(str(process.pid)),
        "user": line(shown(process.user or "-")),
        "card": line(",".join(each.cards), Tone.NAME),
        "memory": line("-" if size is None else show_size(size)),
        "instance": line(shown(process.instance or ""), Tone.STRONG),
        "command": line(shown(process.command or process.name or "-")),
    }


def _unnamed(inventory: GpuInventory, processes: list[Held]) -> Iterator[str]:
    """Those of which only the pid is known: most often, of another container."""
    by_reason: dict[str, list[Held]] = {}
    for each in processes:
        if each.process.name is None:
            card = int(each.cards[0].partition(":")[0])
            gpu = next(gpu for gpu in inventory.gpus if gpu.index == card)
            why = gpu.unavailable.get(_NAMES, "the driver tells their pids only")
            by_reason.setdefault(why, []).append(each)
    for why, unnamed in by_reason.items():
        size = sum(each.memory_bytes or 0 for each in unnamed)
        plural = "es" * (len(unnamed) != 1)
        memory = f", {show_size(size)}" if size else ""
        yield f"{len(unnamed)} process{plural} without a name{memory}: {why}"


def _silent(gpus: tuple[Gpu, ...]) -> Iterator[str]:
    """The cards that do not tell their processes, and why."""
    for gpu in gpus:
        if gpu.processes is None:
            yield f"processes of card {gpu.index}: {gpu.unavailable.get('processes', 'not told')}"


def _sum(processes: list[Held]) -> str:
    cards = {card for each in processes for card in each.cards}
    size = show_size(sum(each.memory_bytes or 0 for each in processes))
    if not processes:
        return "no process"
    return (
        f"{len(processes)} process{'es' * (len(processes) != 1)} on {len(cards)}"
        f" card{'s' * (len(cards) != 1)}, {size}"
    )
