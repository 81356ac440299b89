"""Requests, tokens and the KV cache, as vLLM's metrics tell them."""

import math
from typing import Final

from mixvllm.core.board import Board
from mixvllm.core.events import GaugesRead
from mixvllm.panes.line import Line, Span, joined, width_of
from mixvllm.panes.look import Look, count, percent, span_of_time
from mixvllm.panes.tones import Tone

_SIDE_BY_SIDE: Final = 54  # cells from which figures share a line


def traffic(board: Board, look: Look, width: int) -> list[Line]:
    """One idea a line; a figure that vLLM does not export has no place."""
    gauges = board.gauges
    if gauges is None:
        return [] if board.pid is None else [(Span("not read yet", Tone.DIM),)]
    queue = pairs([("running", count(gauges.running)), ("waiting", count(gauges.waiting))])
    first = pairs([("first token", _milliseconds(gauges.first_token_seconds))])
    finished = pairs([("finished", count(gauges.requests_finished))])
    cache = _kv_cache(gauges, look, width)
    pace = _pace(board, look, width)
    if width >= _SIDE_BY_SIDE:
        lines = [joined([queue, finished]), joined([rates(gauges), first]), cache, pace]
    else:
        lines = [queue, rates(gauges), cache, first, finished, pace]
    said = [line for line in lines if line]
    return said or [(Span("vLLM exports no figures", Tone.DIM),)]


def pairs(figures: list[tuple[str, str | None]]) -> Line:
    """``running 3   waiting 0``; what is not known is left out."""
    return joined(
        [
            () if value is None else (Span(f"{name} ", Tone.DIM), Span(value, Tone.STRONG))
            for name, value in figures
        ]
    )


def rates(gauges: GaugesRead) -> Line:
    """``in 1 204 tok/s   out 412 tok/s``."""
    return pairs(
        [
            (name, None if figure is None else f"{figure} tok/s")
            for name, figure in (
                ("in", count(gauges.prompt_tokens_per_second)),
                ("out", count(gauges.generation_tokens_per_second)),
            )
        ]
    )


def _milliseconds(seconds: float | None) -> str | None:
    figure = count(None if seconds is None else seconds * 1000)
    return None if figure is None else f"{figure} ms"


def _kv_cache(gauges: GaugesRead, look: Look, width: int) -> Line:
    used = percent(gauges.kv_cache_usage)
    label = pairs([("KV cache", used)])
    bar = look.bar(gauges.kv_cache_usage, min(24, width - width_of(label) - 1)) if label else ()
    return joined([label, bar], " ")


def _pace(board: Board, look: Look, width: int) -> Line:
    """Generated tokens per second over time, with the peak that the full height stands for."""
    rates = board.rates
    if len(rates) != len(board.rate_times) or not all(0 <= rate < math.inf for rate in rates):
        return ()
    words = f" {span_of_time(board.rate_times)}, peak {count(max(rates, default=0.0))} tok/s out"
    shown = min(len(rates), 60, width - len(words))
    if shown < 8:
        return ()
    peak = max(rates[-shown:])
    words = f" {span_of_time(board.rate_times[-shown:])}, peak {count(peak)} tok/s out"
    return (Span(look.spark(rates[-shown:], peak)), Span(words, Tone.DIM))
