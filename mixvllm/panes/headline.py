"""State, place and next step: the first lines of every picture, in that order."""

from dataclasses import dataclass
from typing import Final

from mixvllm.core.board import Board
from mixvllm.panes.line import Line, Span, joined, width_of, wrap_words
from mixvllm.panes.look import Look, duration
from mixvllm.panes.tones import Tone


@dataclass(frozen=True, slots=True)
class Manner:
    """How a state looks (``symbol`` names a field of Symbols) and what it means."""

    symbol: str
    tone: Tone
    meaning: str


MANNERS: Final = {
    "preflight": Manner("working", Tone.STRONG, "the profile and this machine are checked"),
    "starting": Manner("working", Tone.STRONG, "vLLM starts"),
    "warming": Manner("working", Tone.STRONG, "the first completion is tried"),
    "ready": Manner("right", Tone.STRONG_RIGHT, "requests are answered"),
    "degraded": Manner("doubtful", Tone.STRONG_DOUBTFUL, "it runs, but does not answer"),
    "draining": Manner("doubtful", Tone.STRONG_DOUBTFUL, "open requests are finished first"),
    "stopping": Manner("working", Tone.STRONG, "vLLM was asked to stop"),
    "backoff": Manner("doubtful", Tone.STRONG_DOUBTFUL, "it starts again after a pause"),
    "stopped": Manner("idle", Tone.STRONG, "it was asked to stop and did"),
    "failed": Manner("broken", Tone.STRONG_BROKEN, "it is given up"),
}
_UNHEARD_OF: Final = Manner("idle", Tone.STRONG, "")
_LOUD: Final = {Tone.STRONG_BROKEN: Tone.BROKEN, Tone.STRONG_DOUBTFUL: Tone.DOUBTFUL}


def manner(board: Board) -> Manner:
    """How the board's state looks."""
    return MANNERS.get(board.state, _UNHEARD_OF)


def state(board: Board, look: Look) -> Line:
    """``● ready``."""
    how = manner(board)
    symbol: str = getattr(look.symbols, how.symbol)
    return (
        Span(symbol, how.tone),
        Span(" "),
        Span(look.text(board.state) or "unknown", how.tone),
    )


def place(board: Board, look: Look) -> Line:
    """The address, dim while nobody answers there; and the port of our own endpoint."""
    serves = board.serving_since is not None
    address = Span(look.text(board.run.url), Tone.NAME if serves else Tone.DIM)
    if board.run.ops_port is None:
        return (address,)
    return (address, Span(f"   ops :{board.run.ops_port}", Tone.DIM))


def step(board: Board, look: Look, width: int, rows: int = 1) -> list[Line]:
    """What goes on or what to do about it: the phase with its progress, or the reason.

    Nothing for a run that is ready and well: its state says it all.
    """
    if board.state == "ready" and not board.reason and board.healthy is not False:
        return []
    if board.phase is not None and board.state in ("starting", "warming"):
        return [progress(board, look, width)]
    how = manner(board)
    words, tone = board.reason or how.meaning, _LOUD.get(how.tone, Tone.PLAIN)
    if board.healthy is False and board.health_detail and not board.reason:
        words, tone = f"health check: {board.health_detail}", Tone.DOUBTFUL
    pieces = wrap_words(look.text(words), width, rows, look.symbols.ellipsis)
    return [(Span(piece, tone),) for piece in pieces]


def progress(board: Board, look: Look, width: int) -> Line:
    """``weights 12 of 30 ████░░░░ about 18 s left``, as much of it as fits."""
    if board.phase is None:
        return ()
    name: Line = (Span(board.phase.value, Tone.STRONG),)
    took: Line = (Span(look.since(board.phases[-1].began)),)
    if board.progress is None:
        return joined([name, took], " ")
    done, total = board.progress
    amount: Line = (Span(f"{done} of {total}"),)
    left = board.seconds_left(look.now)
    rest: Line = () if left is None else (Span(f"about {duration(left, whole=True)} left"),)
    taken = width_of(joined([name, amount, rest or took], " ")) + 1
    bar = look.bar(done / total if total > 0 else None, min(24, width - taken))
    return joined([name, amount, bar, rest or took], " ")


def history(board: Board, look: Look) -> Line:
    """``start 44 s   restarts 0   profile profiles/llama.yaml``."""
    start = board.start_seconds
    told = board.restarts > 0 or start is not None
    parts: list[Line] = [
        () if start is None else (Span("start ", Tone.DIM), Span(duration(start))),
        (Span("restarts ", Tone.DIM), Span(str(board.restarts))) if told else (),
        (Span("profile ", Tone.DIM), Span(look.text(board.run.profile), Tone.NAME)),
    ]
    if board.run.log_file and board.state in ("failed", "stopped", "backoff"):
        parts.insert(0, (Span("log ", Tone.DIM), Span(look.text(board.run.log_file), Tone.NAME)))
    return joined(parts)


def note(board: Board, look: Look) -> Line:
    """The latest sentence for the operator, if there is one."""
    if not board.notes:
        return ()
    return (Span("note ", Tone.DIM), Span(look.text(board.notes[-1])))
