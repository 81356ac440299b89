"""The forecast as a person reads it: the verdict, the sum that leads to it, and what would help.

The rank with the least cache is shown, because it decides; what differs on others is said.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mixvllm.cli.streams import visible
from mixvllm.cli.text.cells import cells, columns_of, wrapped
from mixvllm.cli.text.style import Paint, Tone
from mixvllm.core.units import show_count, show_size
from mixvllm.forecast.budget import RankBudget
from mixvllm.forecast.forecast import Forecast
from mixvllm.forecast.interval import Interval
from mixvllm.forecast.suggestions import Suggestion
from mixvllm.forecast.verdict import Cause, Reason, Verdict
from mixvllm.services.fit import Fitted

_GIB: Final = 2**30
_NAME: Final = 19  # columns of a row's name
_AMOUNT: Final = 23  # and of its amount
_WHAT: Final = 32  # and of what would help
_WORDS: Final = {
    Verdict.FITS: ("fits", Tone.RIGHT),
    Verdict.DOES_NOT_FIT: ("does not fit", Tone.BROKEN),
    Verdict.CANNOT_TELL: ("cannot tell", Tone.DOUBTFUL),
}


def fit_lines(fitted: Fitted, paint: Paint) -> Iterator[str]:
    """All of it, line by line."""
    columns = columns_of(sys.stdout)
    forecast = fitted.forecast
    yield _headline(forecast, paint, columns)
    yield ""
    yield from _reasons(forecast, paint, columns)
    for row in _rows(forecast):
        yield from row.lines(paint, columns)
    yield from _help(fitted.suggestions, forecast.verdict, columns)
    yield from _unknown(forecast, columns)


def _reasons(forecast: Forecast, paint: Paint, columns: int) -> Iterator[str]:
    """Each kind once: what holds for one rank most often holds for all."""
    kinds: dict[tuple[Cause, bool], list[Reason]] = {}
    for reason in forecast.reasons:
        kinds.setdefault((reason.cause, reason.certain), []).append(reason)
    for reason, *more in kinds.values():
        tone = Tone.BROKEN if reason.certain else Tone.DOUBTFUL
        also = f"; so it is on {len(more)} more" if more else ""
        for line in wrapped(f"  {visible(reason.text)}{also}", columns, indent="    "):
            yield paint(line, tone)
    if kinds:
        yield ""


@dataclass(frozen=True, slots=True)
class _Row:
    """A name, an amount, and what is to be said of it."""

    name: str
    amount: str
    note: str = ""

    def lines(self, paint: Paint, columns: int) -> Iterator[str]:
        amount = f"{self.amount:<{_AMOUNT}}"
        head = f"  {self.name:<{_NAME}}{amount if self.note else self.amount}"
        if cells(head) + cells(self.note) <= columns:
            yield head + paint(self.note, Tone.DIM)
            return
        yield head.rstrip()
        blank = " " * (_NAME + 4)
        for line in wrapped(f"{blank}{self.note}", columns, indent=blank):
            yield paint(line, Tone.DIM)


def _headline(forecast: Forecast, paint: Paint, columns: int) -> str:
    name = forecast.question.model.name.rstrip("/")
    text = f"{visible(name.rpartition('/')[2] or name)} on {_cards(forecast)}"
    text += f", vLLM {forecast.deployment.release}"
    word, tone = _WORDS[forecast.verdict]
    gap = max(3, columns - cells(text) - len(word))
    return f"{text}{' ' * gap}{paint(word, tone)}"


def _cards(forecast: Forecast) -> str:
    """``2 cards of 79.2 GiB (NVIDIA H100 80GB HBM3)``."""
    cards = forecast.cards
    if forecast.deployment.device == "cpu":
        return "the CPU"
    if not cards:
        return "no known card"
    kinds: dict[tuple[str, str], int] = {}
    for card in cards:
        size = "" if card.nvml_total is None else f" of {show_size(card.nvml_total)}"
        kinds[size, visible(card.name)] = kinds.get((size, visible(card.name)), 0) + 1
    return " and ".join(
        f"{count} card{'s' * (count > 1)}{size}{f' ({name})' if name else ''}"
        for (size, name), count in kinds.items()
    )


def _rows(forecast: Forecast) -> Iterator[_Row]:
    number = forecast.deciding or 0
    rank = forecast.ranks[number]
    deployment = forecast.deployment
    if rank.card is not None and rank.card.total is not None:
        total = "main memory" if deployment.device == "cpu" else "CUDA total"
        yield _Row(total, _gib(rank.card.total), _which(forecast, number))
    elif len(forecast.ranks) > 1:
        yield _Row("on each card", "", f"{len(forecast.ranks)} ranks")
    given = deployment.kv_cache_memory_bytes is not None
    if rank.requested is not None and not given:
        yield _Row(f"budget at {deployment.gpu_memory_utilization:g}", _gib(rank.requested))
    yield _weights(forecast, rank)
    if rank.overhead.parts:
        names = ", ".join(part.name for part in rank.overhead.parts if part.in_budget)
        yield _Row("overhead", _gib(rank.taken), names)
    yield from _cache(forecast, number, rank, given=given)
    if rank.beside.high:
        names = ", ".join(part.name for part in rank.overhead.parts if not part.in_budget)
        yield _Row("beside the budget", _gib(rank.beside), names)


def _which(forecast: Forecast, number: int) -> str:
    rank = forecast.ranks[number]
    place = rank.card.place if rank.card is not None else ""
    if forecast.deployment.device == "cpu":
        return ""
    if len(forecast.ranks) == 1:
        return place
    return f"{place}, of rank {number}: the least of {len(forecast.ranks)} decides"


def _weights(forecast: Forecast, rank: RankBudget) -> _Row:
    model = forecast.question.model
    if rank.weights is None:
        return _Row("weights", "not known", visible(model.no_weights))
    files = f"from the headers of {model.files} file{'s' * (model.files != 1)}"
    note = files if model.tensors else "what the files take, or their index says"
    others = [each.weights for each in forecast.ranks if each.weights is not None]
    if min(others) != max(others):
        note += f"; {_gib(Interval(min(others), max(others)))} on the ranks"
    if rank.offloaded:
        note += f"; {show_size(rank.offloaded)} more in main memory"
    return _Row("weights", _gib(Interval.exactly(rank.weights)), note)


def _cache(forecast: Forecast, number: int, rank: RankBudget, *, given: bool) -> Iterator[_Row]:
    deployment = forecast.deployment
    note = ""
    if forecast.layouts:
        note = f"{show_size(forecast.layouts[number].bytes_per_token)} a token"
        if len(forecast.ranks) > 1:
            note += " on this rank"
    if rank.kv is not None:
        left = Interval(max(0, rank.kv.low), max(0, rank.kv.high))
        yield _Row("KV cache", _gib(left), f"{note}, as it was given" if given else note)
    elif note:
        yield _Row("KV cache", "", note)
    length = deployment.max_model_len
    if forecast.tokens is not None:
        requests = ""
        if forecast.concurrency is not None and length and not deployment.fit_max_model_len:
            least = f"{forecast.concurrency[0]:.2f}"
            requests = f"{least} requests of {show_count(length)}"
            requests += "" if forecast.tokens.is_exact else " at the least"
        yield _Row("tokens", _tokens(forecast.tokens), requests)
    if forecast.longest is not None:
        wanted = length is not None and not deployment.fit_max_model_len
        note = f"{show_count(length)} are wanted" if wanted and length else ""
        yield _Row("longest context", _tokens(forecast.longest), note)
    elif length is not None and forecast.layouts:
        need = forecast.layouts[number].needed(length)
        yield _Row("one request", show_size(need), f"of KV cache for {show_count(length)} tokens")


def _help(some: tuple[Suggestion, ...], verdict: Verdict, columns: int) -> Iterator[str]:
    if not some:
        if verdict is Verdict.DOES_NOT_FIT:
            yield ""
            yield "  nothing that was tried makes it fit there"
        return
    yield ""
    yield "  for more" if verdict is Verdict.FITS else "  what would help"
    width = min(_WHAT, max(cells(each.what) for each in some)) + 3
    for each in some:
        indent = " " * (width + 4)
        yield from wrapped(
            f"    {each.what:<{width - 1}} {_brings(each, verdict)}", columns, indent=indent
        )


def _brings(each: Suggestion, verdict: Verdict) -> str:
    then = each.then
    words = [] if verdict is Verdict.FITS else [_WORDS[then.verdict][0]]
    if then.verdict is Verdict.CANNOT_TELL and verdict is not Verdict.FITS:
        words = ["may fit"]
    if then.tokens is not None:
        words.append(f"{show_count(then.tokens.low)} tokens at the least")
    if each.estimate:
        words.append("by estimate")
    return ", ".join(words)


def _unknown(forecast: Forecast, columns: int) -> Iterator[str]:
    if not forecast.unknown:
        return
    yield ""
    for what in forecast.unknown:
        yield from wrapped(f"  not known: {visible(what)}", columns, indent="    ")


def _gib(amount: Interval) -> str:
    """``4.50 to 5.40 GiB``: two digits, so that a person can add them up."""
    low, high = f"{amount.low / _GIB:.2f}", f"{amount.high / _GIB:.2f}"
    return f"{low:>7} GiB" if low == high else f"{low:>7} to {high} GiB"


def _tokens(amount: Interval) -> str:
    if amount.is_exact:
        return show_count(amount.low)
    return f"{show_count(amount.low)} to {show_count(amount.high)}"
