"""What this run is: its model, its process, and the figures that vLLM's log named."""

from mixvllm.core.board import Board
from mixvllm.panes.ending import exit_words, killed_words
from mixvllm.panes.facts import figures
from mixvllm.panes.line import Line, Span, width_of
from mixvllm.panes.look import Look
from mixvllm.panes.tones import Tone


def about(board: Board, look: Look, width: int) -> list[Line]:
    """One line a fact; what is not known, or stands elsewhere on the screen, is left out."""
    run = board.run
    rows = [
        ("model", run.model, Tone.NAME),
        ("pid", "" if board.pid is None else str(board.pid), Tone.PLAIN),
        ("exit", _exit(board), Tone.PLAIN),
        *((name, value, Tone.PLAIN) for name, value in figures(board)),
    ]
    said = [(look.text(name), look.text(value), tone) for name, value, tone in rows if value]
    label = min(max((width_of((Span(name),)) for name, _, _ in said), default=0), width // 2)
    return [
        (*look.fit((Span(name, Tone.DIM),), label), Span("  "), Span(value, tone))
        for name, value, tone in said
    ]


def _exit(board: Board) -> str:
    if board.exit_status is None:
        return ""
    killed = killed_words(board.killed)
    return f"{exit_words(board.exit_status)}, {killed}" if killed else exit_words(board.exit_status)
