"""The screen of `mixvllm gpus --watch`, and its lines where there is no screen."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Final, NamedTuple

from mixvllm.cli.streams import visible as shown
from mixvllm.cli.text.cells import (
    Line,
    Span,
    cut,
    in_ascii,
    joined,
    line,
    padded,
    width_of,
    wrapped,
)
from mixvllm.cli.text.gpus import (
    BAR,
    FIGURES,
    about_line,
    bar,
    card_table,
    memory_in_words,
    percent,
    power,
    temperature,
    used_by,
    visible_sentences,
)
from mixvllm.cli.text.gpus_health import by_severity, health, tone_of, word_of, worth_a_word
from mixvllm.cli.text.gpus_history import SPAN, History
from mixvllm.cli.text.gpus_processes import process_lines
from mixvllm.cli.text.style import Tone
from mixvllm.gpu.inventory import Gpu, GpuInventory, Problem
from mixvllm.gpu.visible import Visible

_LEAST_SPARK: Final = 8
_BARS_FROM: Final = 80  # columns
_BAR: Final = 10
# What never changes has no place where things move; a bar stands beside the last minute.
_FIGURES: Final = tuple(f for f in FIGURES if f.column.head != "cc" and f.column is not BAR)


class Look(NamedTuple):
    """How the screen is asked for."""

    width: int
    height: int
    interval: float  # seconds between two looks
    ascii_only: bool = False
    processes: bool = False


def picture(
    inventory: GpuInventory | None, history: History, look: Look, visible: Visible | None = None
) -> list[Line]:
    """Exactly ``height`` lines. Without an inventory the driver has not answered yet."""
    foot = _foot(look)
    room = look.height - 1
    lines = [_head(inventory, look), ()]
    if inventory is None:
        lines.append(line(" the driver is being asked; cards that sleep take seconds to wake"))
    elif not inventory.gpus:
        lines += _problems(by_severity(inventory.problems), look.width)
    else:
        wrong = _problems(worth_a_word(inventory), look.width)
        hidden = [line(part, Tone.DIM) for note in visible_sentences(visible)
                  for part in wrapped(f" {note}", look.width, indent="   ")]  # fmt: skip
        below = [*([()] if wrong else []), *wrong, *([()] if hidden else []), *hidden]
        lines += _cards(inventory, history, look, visible, room - len(lines) - len(below))
        lines += below
        if look.processes:
            held = process_lines(inventory, width=look.width, ascii_only=look.ascii_only)
            lines += [(), *_at_most(held, room - len(lines) - 1, "lines")]
    lines = _at_most(lines, room, "lines")
    lines += [()] * (room - len(lines))
    lines.append(foot)
    return [in_ascii(each) for each in lines] if look.ascii_only else lines


def _head(inventory: GpuInventory | None, look: Look) -> Line:
    title = (Span(" gpus", Tone.STRONG),)
    if inventory is None:
        return title
    about = line(about_line(inventory), Tone.DIM)
    left = joined([title, about], "   ")
    clock = _clock(inventory.taken_at)
    gap = look.width - width_of(left) - len(clock) - 1
    return (*left, Span(" " * gap), Span(clock, Tone.DIM)) if gap > 1 else cut(left, look.width)


def _foot(look: Look) -> Line:
    seconds = min(SPAN, _spark_width(look) * look.interval)
    about = f" stop   every {look.interval:g} s, curves of {seconds:.0f} s"
    return cut((Span(" q", Tone.STRONG), Span(about, Tone.DIM)), look.width)


def _cards(
    inventory: GpuInventory, history: History, look: Look, visible: Visible | None, room: int
) -> list[Line]:
    """The table; below each card its last minute, if all have room for it."""
    found = card_table(inventory, _FIGURES, look.width, visible, ascii_only=look.ascii_only)
    head, *rows = found.lines
    sparks = len(rows) + len(inventory.gpus) + 1 <= room
    lines = [head]
    for gpu in inventory.gpus:
        of_card = 1 + len(gpu.mig_devices or ())
        lines.append(rows[0])
        if sparks and not health(gpu, inventory).instead:
            lines.append(_minute(gpu, history, look))
        lines += rows[1:of_card]
        rows = rows[of_card:]
    return _at_most(lines, room, "rows")


def _spark_width(look: Look) -> int:
    """Characters for a minute, one a look, as far as two of them fit beside their words."""
    words = 28 + 2 * (_BAR + 1) * (look.width >= _BARS_FROM)
    return max(_LEAST_SPARK, min(int(SPAN / look.interval), (look.width - words) // 2))


def _minute(gpu: Gpu, history: History, look: Look) -> Line:
    """``util ███████░░░ ▃▅▇   memory ██████████ ▇▇▇``."""
    width, memory = _spark_width(look), gpu.memory
    size = _BAR + 1 if look.width >= _BARS_FROM else 0
    load = padded(bar(gpu.utilization.gpu_percent, 100, _BAR), size)
    full = padded(bar(memory.used_bytes, memory.total_bytes, _BAR), size)
    return (
        Span("       util ", Tone.DIM), *load, Span(history.load(gpu, width)),
        Span("   memory ", Tone.DIM), *full, Span(history.memory(gpu, width)),
    )  # fmt: skip


def _problems(problems: list[Problem], width: int) -> list[Line]:
    """What is wrong, in words; what helps with several is said once."""
    lines: list[Line] = []
    for hint, alike in groupby(problems, key=lambda problem: problem.hint):
        for problem in alike:
            told = wrapped(f" {shown(problem.message)}", width, indent="   ")
            lines += [line(part, tone_of(problem)) for part in told]
        lines += [line(part) for part in wrapped(f"   {shown(hint)}", width, indent="   ")]
    return lines


def _at_most(lines: list[Line], room: int, what: str) -> list[Line]:
    if len(lines) <= room:
        return lines
    kept = max(0, room - 1)
    more = line(f" and {len(lines) - kept} more {what}: a higher window shows them", Tone.DIM)
    return [*lines[:kept], more][: max(0, room)]


def changes(before: GpuInventory | None, now: GpuInventory) -> Iterator[str]:
    """A line for each card whose figures are others than before, and for each problem that came
    or went; for where lines are read and kept.
    """
    clock = _clock(now.taken_at)
    old = {} if before is None else dict(_in_words(before))
    for index, text in _in_words(now):
        if old.get(index) != text:
            yield f"{clock} card {index}  {text}"
    for index in old.keys() - {gpu.index for gpu in now.gpus}:
        yield f"{clock} card {index}  is gone"
    was = set() if before is None else {(p.gpu, p.code) for p in before.problems}
    for problem in worth_a_word(now):
        if (problem.gpu, problem.code) not in was:
            told = f"{shown(problem.message)}; {shown(problem.hint)}"
            yield f"{clock} {word_of(problem)}: {told}"
    still = {(p.gpu, p.code) for p in now.problems}
    for problem in () if before is None else worth_a_word(before):
        if (problem.gpu, problem.code) not in still:
            yield f"{clock} no longer: {shown(problem.message)}"


def _in_words(inventory: GpuInventory) -> Iterator[tuple[int, str]]:
    for gpu in inventory.gpus:
        found = health(gpu, inventory)
        parts = (memory_in_words(gpu.memory), percent(gpu), temperature(gpu), power(gpu),
                 found.short, used_by(gpu))  # fmt: skip
        text = "  ".join("".join(span.text for span in part) for part in parts)
        told = "".join(span.text for span in found.instead)
        yield gpu.index, told or text


def _clock(at: datetime | None) -> str:
    return "" if at is None else at.astimezone().strftime("%H:%M:%S")
