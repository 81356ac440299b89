"""The page behind `?`: keys, states, colours."""

from mixvllm.panes.headline import MANNERS
from mixvllm.panes.line import Line, Span
from mixvllm.panes.look import Look
from mixvllm.panes.tones import Tone

KEYS = (
    ("q", "stop", "stop vLLM cleanly, then leave"),
    ("l", "log", "the log fills the screen; l again returns"),
    ("?", "help", "this page; ? again returns"),
)


def key_bar() -> Line:
    """``q stop   l log   ? help``."""
    spans: list[Span] = []
    for key, word, _ in KEYS:
        spans += [Span("   ")] if spans else []
        spans += [Span(key, Tone.STRONG), Span(f" {word}")]
    return tuple(spans)


def page(look: Look) -> list[Line]:
    """What to press and how to read what is shown."""
    lines: list[Line] = [(Span(f"{key}  ", Tone.STRONG), Span(does)) for key, _, does in KEYS]
    lines += [
        (Span("Ctrl-C  ", Tone.STRONG), Span("as q")),
        (Span("Ctrl-Z  ", Tone.STRONG), Span("pause mixvllm; fg in the shell comes back")),
        (),
    ]
    for name, how in MANNERS.items():
        symbol: str = getattr(look.symbols, how.symbol)
        lines.append((Span(f"{symbol} {name:10}", how.tone), Span(how.meaning)))
    return [
        *lines,
        (),
        (
            Span("red", Tone.BROKEN), Span(" broken  "),
            Span("yellow", Tone.DOUBTFUL), Span(" doubtful  "),
            Span("green", Tone.RIGHT), Span(" right  "),
            Span("cyan", Tone.NAME), Span(" names and places"),
        ),
        (Span("what was not read is left out; no figure is a guess but the time left", Tone.DIM),),
    ]  # fmt: skip
