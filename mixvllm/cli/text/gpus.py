"""The table of `mixvllm gpus`: an inventory in, lines out; it fits the width it is given.

Columns go by importance when there is no room for all of them, and the last line says which
went. A figure that is not known is a dash, and a line below the table says why.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from mixvllm.cli.streams import visible
from mixvllm.gpu.inventory import Gpu, GpuInventory

_GIB: Final = 2**30
_BAR: Final = 10
_UNKNOWN: Final = "-"
_LEAST_NAME: Final = 12
_UTIL: Final = 3

# code of a problem -> (what the health column says, its style); the worst first
_HEALTH: Final = {
    "card-lost": ("lost", "red"),
    "card-error": ("no answer", "red"),
    "no-answer": ("timed out", "red"),
    "row-remap-failed": ("worn out", "red"),
    "row-remap-pending": ("remap pending", "yellow"),
    "ecc-errors": ("ECC errors", "yellow"),
}
_SILENT: Final = {"card-lost", "card-error", "no-answer"}  # one sentence says why all is unknown

_HEALTH_FIELDS: Final = ("row_remap_pending", "row_remap_failed", "ecc_uncorrected_errors")

_ASCII: Final = str.maketrans({"█": "#", "░": ".", "°": None})


@dataclass(frozen=True, slots=True)
class Column:
    """A column; ``rank`` 0 stays longest. ``fields`` are the figures it shows."""

    head: str
    rank: int
    cell: Callable[[Gpu, GpuInventory], Text]
    fields: tuple[str, ...] = ()
    right: bool = False


def _memory(gpu: Gpu, _: GpuInventory) -> Text:
    used, total = gpu.memory.used_bytes, gpu.memory.total_bytes
    if used is None and total is None:
        return Text(_UNKNOWN)
    shown = _UNKNOWN if used is None else f"{used / _GIB:.1f}"
    whole = _UNKNOWN if total is None else f"{total / _GIB:.1f}"
    return Text(f"{shown} of {whole} GiB")


def _bar(gpu: Gpu, _: GpuInventory) -> Text:
    used, total = gpu.memory.used_bytes, gpu.memory.total_bytes
    if used is None or not total:
        return Text("")
    full = round(_BAR * used / total)
    return Text("█" * full).append("░" * (_BAR - full), "dim")


def _percent(gpu: Gpu, _: GpuInventory) -> Text:
    percent = gpu.utilization.gpu_percent
    return Text(_UNKNOWN if percent is None else f"{percent} %")


def _temperature(gpu: Gpu, _: GpuInventory) -> Text:
    degrees = gpu.temperature_celsius
    return Text(_UNKNOWN if degrees is None else f"{degrees} °C")


def _power(gpu: Gpu, _: GpuInventory) -> Text:
    if gpu.power_watts is None:
        return Text(_UNKNOWN)
    if gpu.power_limit_watts is None:
        return Text(f"{gpu.power_watts:.0f} W")
    return Text(f"{gpu.power_watts:.0f} of {gpu.power_limit_watts:.0f} W")


def _capability(gpu: Gpu, _: GpuInventory) -> Text:
    if gpu.compute_capability is None:
        return Text(_UNKNOWN)
    major, minor = gpu.compute_capability
    return Text(f"{major}.{minor}")


def _health(gpu: Gpu, inventory: GpuInventory) -> Text:
    codes = {problem.code for problem in inventory.problems_of(gpu.index)}
    for code, (word, style) in _HEALTH.items():
        if code in codes:
            return Text(word, style)
    if all(name in gpu.unavailable for name in _HEALTH_FIELDS):
        return Text(_UNKNOWN)
    return Text("ok", "green")


def _used_by(gpu: Gpu, _: GpuInventory) -> Text:
    if gpu.processes is None:
        return Text(_UNKNOWN)
    if not gpu.processes:
        return Text("nobody", "dim")
    largest = max(gpu.processes, key=lambda process: process.memory_bytes or 0)
    text = Text(f"{largest.name} (pid {largest.pid})" if largest.name else f"pid {largest.pid}")
    more = len(gpu.processes) - 1
    return text.append(f" and {more} more", "dim") if more else text


_NAME: Final = Column("name", 1, lambda gpu, _: Text(visible(gpu.name or _UNKNOWN)), ("name",))
_COLUMNS: Final = (
    Column("card", 0, lambda gpu, _: Text(str(gpu.index), "cyan")),
    _NAME,
    Column("cc", 7, _capability, ("compute_capability",)),
    Column("memory", 0, _memory, ("memory.total_bytes", "memory.used_bytes"), right=True),
    Column("", 8, _bar),
    Column("util", _UTIL, _percent, ("utilization.gpu_percent",), right=True),
    Column("temp", 5, _temperature, ("temperature_celsius",), right=True),
    Column("power", 6, _power, ("power_watts",), right=True),
    Column("health", 2, _health, _HEALTH_FIELDS),
    Column("used by", 4, _used_by, ("processes",)),
)


def gpu_lines(inventory: GpuInventory, *, width: int, ascii_only: bool) -> list[Text]:
    """The table, the reasons for what is not known, and the line about the driver."""
    grid = [
        (column, [column.cell(gpu, inventory) for gpu in inventory.gpus]) for column in _COLUMNS
    ]
    if ascii_only:
        grid = [(column, [_in_ascii(cell) for cell in cells]) for column, cells in grid]
    shown, widths = _fitted(grid, width)
    sides = [column.right for column, _ in shown]
    heads = [Text(column.head, "dim") for column, _ in shown]
    lines = [_line(heads, [False] * len(heads), widths, ascii_only)]
    lines += [
        _line([cells[row] for _, cells in shown], sides, widths, ascii_only)
        for row in range(len(inventory.gpus))
    ]
    lines += [Text(), *_reasons(inventory, {column.head for column, _ in shown})]
    driver = inventory.driver
    about = [
        f"driver {(driver and driver.version) or 'unknown'}",
        f"CUDA {(driver and driver.cuda_version) or 'unknown'}",
        f"{len(inventory.gpus)} card{'s' * (len(inventory.gpus) != 1)}",
    ]
    hidden = [column.head for column in _COLUMNS if column.head and column not in dict(shown)]
    if hidden:
        about.append(f"no room for {' '.join(hidden)}")
    return [*lines, Text(", ".join(about), "dim")]


Grid = list[tuple[Column, list[Text]]]


def _fitted(grid: Grid, width: int) -> tuple[Grid, list[int]]:
    """The columns that fit, and how wide each is. One blank before, two between them.

    A name is cut to make room for load and health, and for nothing less important than them.
    """
    widths = {
        column: max(cell_len(column.head), *(cell.cell_len for cell in cells))
        for column, cells in grid
    }
    kept: dict[Column, int] = {}

    def room() -> int:
        return width - 1 - sum(taken + 2 for taken in kept.values())

    for column in sorted(widths, key=lambda column: column.rank):
        if column.rank > _UTIL and _NAME in kept:
            kept[_NAME] = min(widths[_NAME], kept[_NAME] + room() + 2)
        least = min(widths[column], _LEAST_NAME) if column is _NAME else widths[column]
        if column.rank == 0 or least <= room():
            kept[column] = least
    shown = [(column, cells) for column, cells in grid if column in kept]
    return shown, [kept[column] for column, _ in shown]


def _line(row: list[Text], right: list[bool], widths: list[int], ascii_only: bool) -> Text:
    line = Text(no_wrap=True)
    for cell, to_the_right, width in zip(row, right, widths, strict=True):
        cut = cell.copy()
        cut.truncate(width, overflow="crop" if ascii_only else "ellipsis")
        blank = " " * (width - cut.cell_len)
        line.append("  " if line else " ")
        line.append_text(Text.assemble(blank, cut) if to_the_right else cut + blank)
    line.rstrip()
    return line


def _reasons(inventory: GpuInventory, shown: set[str]) -> Iterable[Text]:
    """Why a column has a dash: one line for all cards with the same one."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for gpu in inventory.gpus:
        if _SILENT & {problem.code for problem in inventory.problems_of(gpu.index)}:
            continue
        heads: dict[str, list[str]] = {}
        for column in _COLUMNS:
            why = [gpu.unavailable[name] for name in column.fields if name in gpu.unavailable]
            if column.head in shown and why and len(why) == len(column.fields):
                heads.setdefault(why[0], []).append(column.head)
        for reason, which in heads.items():
            alike.setdefault((reason, tuple(which)), []).append(str(gpu.index))
    for (reason, names), cards in alike.items():
        plural = "s" * (len(cards) > 1)
        yield Text(f"{', '.join(names)} of card{plural} {', '.join(cards)}: {reason}")


def _in_ascii(text: Text) -> Text:
    """The same for a terminal that knows no more than ASCII."""
    copy = text.copy()
    copy.plain = text.plain.translate(_ASCII).encode("ascii", "replace").decode()
    return copy
