"""Grades the memory forecast against recorded starts of vLLM: the tables of docs/memory.md.

``python -m mixvllm.testing.memory_grades [CASES.json]`` prints them; ``--write`` writes them into
the manual. Exit 1: a target is missed.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mixvllm.forecast.forecast import Forecast
from mixvllm.forecast.verdict import Verdict
from mixvllm.testing.manual_page import ROOT, Page
from mixvllm.testing.memory_cases import GIB, Case, read_cases

CASES: Final = ROOT / "tests" / "data" / "memory_cases.json"
PAGE: Final = ROOT / "docs" / "memory.md"
# The most that a figure may be off, as a share; vLLM rounds the GiB that it prints.
KV: Final = 0.005
HYBRID: Final = 0.01
WEIGHTS: Final = 0.01
LENGTHS: Final = 0.001
_UNVERIFIED: Final = "unverified"


@dataclass(frozen=True, slots=True)
class Grade:
    """A logged figure and ours."""

    case: Case
    logged: float
    ours: float
    most: float  # that it may be off, as a share

    @property
    def off(self) -> float:
        """How much, as a share of what was logged."""
        return self.ours / self.logged - 1

    @property
    def good(self) -> bool:
        """Whether it is within what is promised."""
        return abs(self.off) <= self.most


def kv_tokens(cases: Sequence[Case]) -> Iterator[Grade]:
    """Tokens, given the bytes of the log."""
    for case in cases:
        logged = case["kv_tokens"]
        if logged is None or case.kv_bytes is None or case["arch"].get(_UNVERIFIED):
            continue
        found = case.forecast(given=True, weighed=False)
        if found is not None and found.tokens is not None:
            most = HYBRID if case.kind.startswith("hybrid") else KV
            yield Grade(case, logged, found.tokens.low, most)


def lengths(cases: Sequence[Case]) -> Iterator[Grade]:
    """What a refusal says: GiB that a request needs, and the longest that would fit."""
    for case in cases:
        if case.kv_bytes is None:
            continue
        found = case.forecast(given=True, weighed=False)
        if found is None or not found.layouts or found.longest is None:
            continue
        layout = found.layouts[0]
        if needed := case["needed_kv_gib"]:
            printed = round(layout.needed(layout.length) / GIB, 2)
            yield Grade(case, needed, printed, LENGTHS)
        if longest := case["estimated_max_len"]:
            yield Grade(case, longest, found.longest.low, LENGTHS)


def weights(cases: Sequence[Case]) -> Iterator[Grade]:
    """Weights of a rank, from the headers of the model's checkpoint."""
    for case in cases:
        logged, found = case["weights_gib"], case.forecast()
        if logged is None or found is None or found.ranks[0].weights is None:
            continue
        # A log has one rank's line; of what is not alike on all, the nearest is it.
        sizes = [rank.weights / GIB for rank in found.ranks if rank.weights is not None]
        yield Grade(case, logged, min(sizes, key=lambda size: abs(size - logged)), WEIGHTS)


@dataclass(frozen=True, slots=True)
class Span:
    """A logged cache and the interval that was forecast for it, in GiB."""

    case: Case
    logged: float
    low: float
    high: float

    @property
    def inside(self) -> bool:
        """Whether the interval has it, but for the rounding of the log."""
        return self.low - 0.02 <= self.logged <= self.high + 0.02


def caches(cases: Sequence[Case]) -> Iterator[Span]:
    """The cache that is left, forecast from the card, the weights and the overhead alone."""
    for case in cases:
        if case.card is None or case["kv_available_gib"] is None:
            continue
        found = case.forecast()
        if found is not None and found.ranks[0].kv is not None:
            kv = found.ranks[0].kv
            yield Span(case, _least(case, found), kv.low / GIB, kv.high / GIB)


def _least(case: Case, found: Forecast) -> float:
    """GiB of the rank that decided: the log has the line of one, and the tokens of the least."""
    logged = float(case["kv_available_gib"])
    if case["kv_tokens"] is None or case.kind.startswith("hybrid") or not found.layouts:
        return logged
    bound = case["kv_tokens"] * found.layouts[0].bytes_per_token / GIB
    return min(logged, bound) if bound < logged * (1 - KV) else logged


def verdicts(cases: Sequence[Case]) -> Iterator[tuple[Case, Verdict]]:
    """What is said of a start: from the card where it is known, else from the bytes of the log."""
    for case in cases:
        given = case.card is None
        if given and case.kv_bytes is None:
            continue
        found = case.forecast(given=given, weighed=not given)
        if found is None:
            continue
        verdict = found.verdict
        if given and verdict is not Verdict.DOES_NOT_FIT:  # nothing but the card is not known
            verdict = Verdict.CANNOT_TELL if found.reasons else Verdict.FITS
        yield case, verdict


def wrong(cases: Sequence[Case]) -> list[str]:
    """The targets that are missed, as sentences."""
    said = [
        f"{what} of {grade.case.name}: {grade.ours:g} and not {grade.logged:g}"
        for what, grades in (
            ("KV tokens", kv_tokens(cases)),
            ("weights", weights(cases)),
            ("refusal", lengths(cases)),
        )
        for grade in grades
        if not grade.good and (what, grade.case.name) not in KNOWN
    ]
    for case, verdict in verdicts(cases):
        if verdict is Verdict.FITS and not case.started:
            said.append(f"{case.name} was refused, and is said to fit")
        if verdict is Verdict.DOES_NOT_FIT and case.started:
            said.append(f"{case.name} started, and is said not to fit")
    return said


# What is off, and why it is no fault of the forecast, or that it is not known.
KNOWN: Final[Mapping[tuple[str, str], str]] = {
    ("KV tokens", "i13061"): "the log has the line of one rank, the other one had 7.47 GiB",
    ("weights", "i13061"): "0.16 GiB more than its tensors; not explained",
}


def _table(head: str, rows: Iterator[str]) -> str:
    lines = [head, "|" + "---|" * (head.count("|") - 1), *rows]
    return "\n".join(lines) + "\n"


def _grades(what: str, head: str, grades: Iterator[Grade], form: Callable[[float], str]) -> str:
    return _table(
        f"| model | ranks | vLLM | {head} | forecast | off |",
        (
            f"| {g.case['model']} | {g.case['tp']} | {g.case.release} | {form(g.logged)} |"
            f" {form(g.ours)} | {g.off:+.2%}{_note(what, g)} |"
            for g in grades
        ),
    )


def _note(what: str, grade: Grade) -> str:
    why = KNOWN.get((what, grade.case.name))
    return f": {why}" if why is not None and not grade.good else ""


def _whole(figure: float) -> str:
    return f"{figure:,.0f}"


def _gib(figure: float) -> str:
    return f"{figure:.2f}"


def _plain(figure: float) -> str:
    return _whole(figure) if figure > 1000 else f"{_gib(figure)} GiB"


def _caches(cases: Sequence[Case]) -> str:
    spans = list(caches(cases))
    inside = sum(span.inside for span in spans)
    table = _table(
        "| model | ranks | vLLM | card | GiB logged | forecast | |",
        (
            f"| {s.case['model']} | {s.case['tp']} | {s.case.release} |"
            f" {s.case.card.name if s.case.card and s.case.card.name else s.case['gpu']} |"
            f" {s.logged:.2f} | {max(0, s.low):.2f} to {max(0, s.high):.2f} |"
            f" {'' if s.inside else 'outside'} |"
            for s in spans
        ),
    )
    return f"{table}\n{inside} of {len(spans)} are inside.\n"


def _verdicts(cases: Sequence[Case]) -> str:
    found = list(verdicts(cases))
    rows = []
    for started, name in ((True, "started"), (False, "refused, or out of memory")):
        of = [verdict for case, verdict in found if case.started is started]
        counts = " | ".join(str(of.count(verdict)) for verdict in Verdict)
        rows.append(f"| {name} | {len(of)} | {counts} |")
    head = "| recorded | cases | " + " | ".join(v.value.replace("_", " ") for v in Verdict) + " |"
    return _table(head, iter(rows))


def regions(cases: Sequence[Case] | None = None) -> dict[str, Callable[[], str]]:
    """The tables by the names of their regions in the manual."""

    def of() -> Sequence[Case]:
        return read_cases(CASES) if cases is None else cases

    return {
        "memory-tokens": lambda: _grades("KV tokens", "tokens logged", kv_tokens(of()), _whole),
        "memory-weights": lambda: _grades("weights", "GiB logged", weights(of()), _gib),
        "memory-lengths": lambda: _grades("refusal", "said", lengths(of()), _plain),
        "memory-caches": lambda: _caches(of()),
        "memory-verdicts": lambda: _verdicts(of()),
    }


def main() -> int:
    """Print the tables, or write them."""
    parser = argparse.ArgumentParser(prog="python -m mixvllm.testing.memory_grades")
    parser.add_argument("cases", nargs="?", type=Path, default=CASES)
    parser.add_argument("--write", action="store_true", help="into docs/memory.md")
    options = parser.parse_args()
    cases = read_cases(options.cases)
    tables = regions(cases)
    if options.write:
        PAGE.write_text(Page.read(PAGE).with_regions(tables), encoding="utf-8")
    else:
        for name, table in tables.items():
            print(f"{name}\n\n{table()}")
    missed = wrong(cases)
    print("\n".join(missed), end="\n" if missed else "", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
