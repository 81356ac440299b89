"""The phases of the start: what is over and how long it took, what goes on, what is to come."""

from mixvllm.core.board import Board, PhaseTime
from mixvllm.core.phases import Phase
from mixvllm.panes.line import Line, Span, joined
from mixvllm.panes.look import Look, duration
from mixvllm.panes.tones import Tone

_NAME: int = max(len(phase.value) for phase in Phase)


def timeline(board: Board, look: Look, width: int) -> list[Line]:
    """One line a phase, with a bar for its share of the time so far."""
    known = {item.phase: item for item in board.phases}
    begun = board.phases[0].began if board.phases else 0.0
    end = board.phases[-1].ended if board.phases else None
    whole = (look.now if end is None else end) - begun
    last = board.phases[-1].phase if board.phases else None
    times = {item.phase: _took(item, look) for item in board.phases}
    column = max((len(time) for time in times.values()), default=0)
    lines: list[Line] = []
    for phase in Phase:
        item = known.get(phase)
        if item is not None:
            time = times[phase].rjust(column)
            share = _share(item, whole, look, width - _NAME - column - 5)
            tone = Tone.STRONG if item.ended is None else Tone.PLAIN
            lines.append(joined([_name(board, item, look), (Span(time, tone),), share], " "))
        elif board.ready_at is None and (last is None or phase.order > last.order):
            mark = f"{look.symbols.pending} {phase.value}"
            lines.append((Span(mark, Tone.DIM),))
    return lines


def _took(item: PhaseTime, look: Look) -> str:
    return look.since(item.began) if item.ended is None else duration(item.ended - item.began)


def _name(board: Board, item: PhaseTime, look: Look) -> Line:
    name = item.phase.value.ljust(_NAME)
    if item.ended is None:
        return (Span(f"{look.symbols.current} {name} ", Tone.STRONG),)
    if board.ready_at is None and item is board.phases[-1]:
        return (Span(f"{look.symbols.broken} ", Tone.BROKEN), Span(f"{name} "))
    return (Span(f"{look.symbols.done} ", Tone.RIGHT), Span(f"{name} "))


def _share(item: PhaseTime, whole: float, look: Look, cells: int) -> Line:
    """A bar against the whole start; nothing where it would say nothing."""
    if cells < 8 or not whole > 0:
        return ()
    took = (look.now if item.ended is None else item.ended) - item.began
    full = round(min(40, cells) * max(0.0, min(1.0, took / whole)))
    return (Span(look.symbols.full * full, Tone.DIM),) if full else ()


def path(board: Board, look: Look) -> Line:
    """The phases that are over, in one line: ``imports 11 s ▸ config 1.2 s``."""
    spans: list[Span] = []
    for item in board.phases:
        if item.ended is None:
            continue
        if spans:
            spans.append(Span(f" {look.symbols.current} ", Tone.DIM))
        spans.append(Span(f"{item.phase.value} {duration(item.ended - item.began)}", Tone.DIM))
    return tuple(spans)
