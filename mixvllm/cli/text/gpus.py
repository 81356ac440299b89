"""The table of `mixvllm gpus`: an inventory in, lines out; it fits the width it is given.

Columns go by importance when there is no room for all of them, and the last line says which
went. A figure that is not known is a dash, and a line below the table says why. A card that
told nothing is one sentence.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from mixvllm.cli.streams import visible as shown
from mixvllm.cli.text.cells import Line, Span, in_ascii, line, wrapped
from mixvllm.cli.text.gpus_health import HEALTH_FIELDS, health
from mixvllm.cli.text.style import Tone
from mixvllm.cli.text.table import Column, Row, Table, table
from mixvllm.core.units import show_duration
from mixvllm.gpu.inventory import Gpu, GpuInventory, GpuMemory, GpuProcess, MigDevice

if TYPE_CHECKING:  # needed where CUDA_VISIBLE_DEVICES is set
    from mixvllm.gpu.visible import Visible

GIB: Final = 2**30
UNKNOWN: Final = "-"
_CELLS: Final = 10  # of a bar
_LEAST_NAME: Final = 9
_LEAST_USER: Final = 20
_USERS: Final = 4  # ranks up to this one matter more than whole names


class Figure(NamedTuple):
    """A column with the names of the figures it shows, and how a card fills it."""

    column: Column
    cell: Callable[[Gpu], Line]
    fields: tuple[str, ...] = ()


def memory_in_words(memory: GpuMemory) -> Line:
    """``56.0 of 79.6 GiB``."""
    used, total = memory.used_bytes, memory.total_bytes
    if used is None and total is None:
        return line(UNKNOWN)
    taken = UNKNOWN if used is None else f"{used / GIB:.1f}"
    whole = UNKNOWN if total is None else f"{total / GIB:.1f}"
    return line(f"{taken} of {whole} GiB")


def bar(used: int | None, total: int | None, width: int = _CELLS) -> Line:
    """A bar that is full only where the card is; nothing for what is not known."""
    if used is None or not total:
        return ()
    full = width if used >= total else min(width - 1, round(width * max(0, used) / total))
    return (Span("█" * full), Span("░" * (width - full), Tone.DIM))


def percent(gpu: Gpu) -> Line:
    """Of the time in which a kernel ran."""
    figure = gpu.utilization.gpu_percent
    return line(UNKNOWN if figure is None else f"{figure} %")


def temperature(gpu: Gpu) -> Line:
    """Of the card, not of its memory."""
    degrees = gpu.temperature_celsius
    return line(UNKNOWN if degrees is None else f"{degrees} °C")


def power(gpu: Gpu) -> Line:
    """As in :func:`watts`."""
    return line(watts(gpu) or UNKNOWN)


def watts(gpu: Gpu) -> str | None:
    """``612 of 700 W``."""
    if gpu.power_watts is None:
        return None
    limit = "" if gpu.power_limit_watts is None else f" of {gpu.power_limit_watts:.0f}"
    return f"{gpu.power_watts:.0f}{limit} W"


def capability(gpu: Gpu) -> Line:
    """``9.0``."""
    told = gpu.compute_capability
    return line(UNKNOWN if told is None else "{}.{}".format(*told))


def holder(process: GpuProcess) -> str:
    """``llama-8b (pid 14256)``: the instance of ours, or the command's name, and the pid."""
    name = process.instance or process.name
    return f"{shown(name)} (pid {process.pid})" if name else f"pid {process.pid}"


def used_by(device: Gpu | MigDevice) -> Line:
    """The process with the most memory, and how many more; or the run that has taken the card."""
    processes = device.processes
    if not processes and device.leased_by is not None:
        return line(shown(device.leased_by))
    if processes is None:
        return line(UNKNOWN)
    if not processes:
        return line("nobody", Tone.DIM)
    largest = max(processes, key=lambda process: process.memory_bytes or 0)
    more = len(processes) - 1
    rest = line(f" and {more} more", Tone.DIM) if more else ()
    return (Span(holder(largest)), *rest)


def _name(gpu: Gpu) -> Line:
    """The model; who makes it is clear."""
    return line(shown(gpu.name or UNKNOWN).removeprefix("NVIDIA "))


_CARD: Final = Column("card", 0)
_CUDA: Final = Column("cuda", 1, right=True)
_NAME: Final = Column("name", 1, least=_LEAST_NAME, for_rank=_USERS)
_MEMORY: Final = Column("memory", 0, right=True)
BAR: Final = Column("", 8)
HEALTH: Final = Column("health", 2)
_USED_BY: Final = Column("used by", _USERS, least=_LEAST_USER, for_rank=_USERS)
FIGURES: Final = (
    Figure(_CARD, lambda gpu: line(str(gpu.index), Tone.NAME)),
    Figure(_NAME, _name, ("name",)),
    Figure(Column("cc", 7), capability, ("compute_capability",)),
    Figure(
        _MEMORY,
        lambda gpu: memory_in_words(gpu.memory),
        ("memory.total_bytes", "memory.used_bytes"),
    ),
    Figure(BAR, lambda gpu: bar(gpu.memory.used_bytes, gpu.memory.total_bytes)),
    Figure(Column("util", 3, right=True), percent, ("utilization.gpu_percent",)),
    Figure(Column("temp", 5, right=True), temperature, ("temperature_celsius",)),
    Figure(Column("power", 6, right=True), power, ("power_watts",)),
    Figure(HEALTH, lambda gpu: (), HEALTH_FIELDS),
    Figure(
        _USED_BY,
        # Those of a card that is cut are those of its slices, which have rows of their own.
        lambda gpu: () if gpu.mig_devices else used_by(gpu),
        ("processes",),
    ),
)


def gpu_lines(
    inventory: GpuInventory,
    *,
    width: int,
    ascii_only: bool = False,
    visible: "Visible | None" = None,
    seconds: float | None = None,
) -> list[Line]:
    """The table, the reasons for what is not known, and the line about the driver."""
    figures = list(FIGURES)
    if visible is not None:
        figures.insert(1, Figure(_CUDA, lambda gpu: _device(gpu, None, visible)))
    found = card_table(inventory, figures, width, visible, ascii_only=ascii_only)
    notes = [*reasons(inventory, figures, found), *visible_sentences(visible)]
    about = about_line(inventory, seconds)
    hidden = [column.head for column in found.hidden if column.head]
    if hidden:
        about += f", no room for {' '.join(hidden)}"
    below = [line(part) for note in notes for part in wrapped(note, width, indent="  ")]
    last = [line(part, Tone.DIM) for part in wrapped(about, width, indent="  ")]
    return [*found.lines, (), *below, *last]


def card_table(
    inventory: GpuInventory,
    figures: Sequence[Figure],
    width: int,
    visible: "Visible | None",
    *,
    ascii_only: bool,
) -> Table:
    """A row for each card, and one for each of its slices."""
    rows = [row for gpu in inventory.gpus for row in _rows(gpu, inventory, figures, visible)]
    if ascii_only:
        rows = [row.mapped(in_ascii) for row in rows]
    return table([figure.column for figure in figures], rows, width)


def _rows(
    gpu: Gpu, inventory: GpuInventory, figures: Sequence[Figure], visible: "Visible | None"
) -> Iterator[Row]:
    cells = tuple(figure.cell(gpu) for figure in figures)
    found = health(gpu, inventory)
    yield Row(
        tuple(found.short if f.column is HEALTH else cell
              for f, cell in zip(figures, cells, strict=True)),
        whole=found.instead,
        rest=(HEALTH, found.long) if found.long != found.short and not gpu.processes else None,
    )  # fmt: skip
    for each in gpu.mig_devices or ():
        of_slice = {
            _CARD: line(f"{gpu.index}:{each.index}", Tone.NAME),
            _CUDA: _device(gpu, each, visible) if visible is not None else (),
            _NAME: line(f"{shown(each.profile or UNKNOWN)}"),
            _MEMORY: memory_in_words(each.memory),
            BAR: bar(each.memory.used_bytes, each.memory.total_bytes),
            _USED_BY: used_by(each),
        }
        yield Row(tuple(of_slice.get(figure.column, ()) for figure in figures))


def _device(gpu: Gpu, each: MigDevice | None, visible: "Visible") -> Line:
    """The number by which CUDA knows a card, or a slice of it."""
    number = visible.device_of(gpu.index, None if each is None else each.index)
    if number is not None:
        return line(str(number))
    return () if gpu.mig_devices and each is None else line(UNKNOWN, Tone.DIM)


def visible_sentences(visible: "Visible | None") -> Iterator[str]:
    """What CUDA_VISIBLE_DEVICES hides, and why."""
    if visible is None:
        return
    value = shown(visible.variable)
    if not any(entry.device is not None for entry in visible.entries):
        why = shown(visible.entries[0].reason or "") if visible.entries else "it is empty"
        yield f"CUDA_VISIBLE_DEVICES={value} hides every card: {why}"
        return
    yield f"CUDA_VISIBLE_DEVICES={value}: the column cuda has the numbers that programs use"
    behind = [entry for entry in visible.entries if entry.reason]
    for entry in behind:
        yield f"  {shown(entry.text)}: {shown(entry.reason or '')}"


def about_line(inventory: GpuInventory, seconds: float | None = None) -> str:
    """``driver 580.95.05, CUDA 13.0, 3 cards, 31 ms``."""
    driver, count = inventory.driver, len(inventory.gpus)
    parts = [
        f"driver {shown((driver and driver.version) or 'unknown')}",
        f"CUDA {shown((driver and driver.cuda_version) or 'unknown')}",
        f"{count} card{'s' * (count != 1)}",
    ]
    if seconds is not None:
        parts.append(f"{seconds * 1000:.0f} ms" if seconds < 1 else show_duration(seconds))
    return ", ".join(parts)


def reasons(inventory: GpuInventory, figures: Sequence[Figure], found: Table) -> Iterator[str]:
    """Why a column has a dash: one line for all cards with the same one."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for gpu in inventory.gpus:
        state = health(gpu, inventory)
        if state.instead:
            continue
        heads: dict[str, list[str]] = {}
        for figure in figures:
            why = [gpu.unavailable[name] for name in figure.fields if name in gpu.unavailable]
            if figure.column is HEALTH and state.short != line(UNKNOWN):
                continue
            if figure.column in found.widths and why and len(why) == len(figure.fields):
                heads.setdefault(why[0], []).append(figure.column.head)
        for reason, which in heads.items():
            alike.setdefault((reason, tuple(which)), []).append(str(gpu.index))
    for (reason, names), cards in alike.items():
        plural = "s" * (len(cards) > 1)
        yield f"{', '.join(names)} of card{plural} {', '.join(cards)}: {reason}"
