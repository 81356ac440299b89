"""The GPUs, or what the engine uses of CPU and memory where there are no cards."""

from typing import Final

from mixvllm.core.board import Board
from mixvllm.core.events import CardSampled, MachineSampled
from mixvllm.core.units import show_size
from mixvllm.panes.line import Line, Span, joined, width_of
from mixvllm.panes.look import Look, count, part_of, span_of_time
from mixvllm.panes.tones import Tone

_ONE_LINE: Final = 74  # cells from which a card is told in one line, even where two would fit
_LEFT_OUT: Final = (0, 1, 2, 3)  # nothing, power, heat too, the name too


def title(board: Board) -> str:
    """What the block shows."""
    if board.cards:
        return "card" if len(board.cards) == 1 else "cards"
    return "engine"


def cards(board: Board, look: Look, width: int, rows: int) -> list[Line]:
    """As much of each card as ``rows`` allow: two lines, one line, or a part of the cards."""
    if not board.cards:
        return _engine(board, look, width)
    if width < _ONE_LINE and 2 * len(board.cards) <= rows:
        lines = [line for card in board.cards for line in _two_lines(card, look, width)]
    else:
        lines = _table(board.cards, look, width)
    if len(lines) < rows:
        lines += _load(board, look, width)
    if len(lines) > rows > 0:
        hidden = len(lines) - rows + 1
        more = f"{hidden} cards" if rows == 1 else f"and {hidden} more cards"
        lines = [*lines[: rows - 1], (Span(more, Tone.DIM),)]
    return lines


def _name(card: CardSampled, look: Look) -> str:
    return look.text(card.name).removeprefix("NVIDIA ")


def _share(card: CardSampled) -> float | None:
    if card.memory_used_bytes is None or not card.memory_total_bytes:
        return None
    return card.memory_used_bytes / card.memory_total_bytes


def _memory(card: CardSampled) -> str:
    return part_of(card.memory_used_bytes, card.memory_total_bytes)


def _utilization(card: CardSampled) -> Line:
    if card.utilization_percent is None:
        return ()
    return (Span("util ", Tone.DIM), Span(f"{card.utilization_percent:3} %"))


def _body(card: CardSampled, look: Look) -> list[Line]:
    """Utilisation, heat and power; what the card cannot say is left out."""
    heat, watts = card.temperature_celsius, count(card.power_watts)
    limit = count(card.power_limit_watts)
    power = "" if watts is None else f"{watts} W" if limit is None else f"{watts} of {limit} W"
    return [
        _utilization(card),
        () if heat is None else (Span(f"{heat} {look.symbols.degree}C"),),
        (Span(power),) if power else (),
    ]


def _table(cards: tuple[CardSampled, ...], look: Look, width: int) -> list[Line]:
    """One line a card, in columns; what matters least makes room first."""
    for left_out in _LEFT_OUT:
        for bar in (16, 10, 5):
            rows = [_columns(card, look, bar, left_out) for card in cards]
            sizes = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
            if sum(sizes) + 2 * len(sizes) <= width + 2:
                return [_aligned(row, sizes) for row in rows]
    return [_columns(card, look, 0, _LEFT_OUT[-1])[1] for card in cards]


def _columns(card: CardSampled, look: Look, bar: int, left_out: int) -> list[Line]:
    util, heat, power = _body(card, look)
    columns: list[Line] = [
        (Span(f"{card.index}"),),
        (Span(_name(card, look), Tone.NAME),),
        (Span(_memory(card)),),
        look.bar(_share(card), bar),
        util,
        heat,
        power,
    ]
    kept = columns[: len(columns) - min(left_out, 2)]
    return kept if left_out < 3 else [kept[0], *kept[2:]]


def _aligned(row: list[Line], sizes: list[int]) -> Line:
    spans: list[Span] = []
    for cell, size in zip(row, sizes, strict=True):
        if size:
            spans += [Span("  ")] if spans else []
            spans += [*cell, Span(" " * (size - width_of(cell)))]
    return tuple(spans)


def _two_lines(card: CardSampled, look: Look, width: int) -> list[Line]:
    memory = _memory(card)
    bar = 8 if width >= 46 else 0
    room = width - len(str(card.index)) - 1 - 2 - len(memory) - (bar + 1 if bar else 0)
    name: Line = (
        Span(f"{card.index} "),
        Span(look.cut(_name(card, look), max(6, room)), Tone.NAME),
    )
    indent: Line = (Span(" "),)
    return [
        look.apart(name, joined([(Span(memory),), look.bar(_share(card), bar)], " "), width),
        joined([indent, *_body(card, look)], "  "),
    ]


def _engine(board: Board, look: Look, width: int) -> list[Line]:
    """CPU in percent of one core, as `top` counts, and memory of the engine's processes."""
    machine = board.machine
    if machine is None:
        return [] if board.pid is None else [(Span("not read yet", Tone.DIM),)]
    lines = [_cpu(machine), _resident(machine, look, width)]
    return [line for line in lines if line] + _load(board, look, width)


def _cpu(machine: MachineSampled) -> Line:
    busy = count(machine.engine_cpu_percent)
    if busy is None:
        return ()
    of = "" if machine.cores is None else f" of {machine.cores * 100} % ({machine.cores} cores)"
    return (Span("CPU ", Tone.DIM), Span(f"{busy} %{of}"))


def _resident(machine: MachineSampled, look: Look, width: int) -> Line:
    used, total = machine.engine_memory_bytes, machine.memory_total_bytes
    if used is None:
        return ()
    text = show_size(used) if total is None else part_of(used, total)
    bar = look.bar(used / total if total else None, min(20, width - 8 - len(text)))
    return joined([(Span("memory ", Tone.DIM), Span(text)), bar], " ")


def _load(board: Board, look: Look, width: int) -> list[Line]:
    """The busiest card, or the engine's CPU against all cores, over time."""
    if len(board.load) != len(board.load_times):
        return []
    what = "busiest card" if len(board.cards) > 1 else "util" if board.cards else "CPU"
    words = f" {what}, {span_of_time(board.load_times)}"
    shown = min(len(board.load), 60, width - len(words))
    if shown < 8:
        return []
    cores = board.machine.cores if board.machine is not None else None
    top = 100.0 if board.cards or cores is None else cores * 100.0
    words = f" {what}, {span_of_time(board.load_times[-shown:])}"
    return [(Span(look.spark(board.load[-shown:], top)), Span(words, Tone.DIM))]
