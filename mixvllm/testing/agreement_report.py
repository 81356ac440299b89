"""What a comparison with vLLM came to: the table and the lists of docs/agreement.md."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mixvllm.testing.agreement_cases import KINDS
from mixvllm.testing.agreement_compare import AGREED, MISSED, Compared, Outcome

_SHOWN: Final = (Outcome.MISS, Outcome.MISS_CUDA, Outcome.CPU_ONLY, Outcome.LATER)
_PARTS: Final = (
    (re.compile(r"(?<=method: ).*(?=\. Must)|(?<=mode: ).*(?=\. Valid)"), "…"),
    (re.compile(r"(?<=, got ).*", re.DOTALL), "…"),
    (re.compile(r"(?<=format `).*(?=`)"), "…"),
    (re.compile(r"/(?:[\w.+-]+/)+[\w.+-]*"), "PATH"),
    (re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`"), "…"),
    (re.compile(r"[\[{(].*", re.DOTALL), "…"),
    (re.compile(r"-?\d+(\.\d+)?"), "N"),
    (re.compile(r"\s+"), " "),
    (re.compile(r"(?:…|N)(?:,? (?:or |and )?(?:…|N|None)(?![\w]))+"), "…"),
)


def report(done: Sequence[Compared], release: str) -> str:
    """The generated part of the page, the same for the same outcomes."""
    counts = Counter(item.outcome for item in done)
    agreed = sum(counts[outcome] for outcome in AGREED)
    judged = len(done) - counts[Outcome.UNKNOWN] - counts[Outcome.NO_WORDS]
    lines = [
        f"vLLM {release}, {len(done):,} profiles. Of {counts[Outcome.NO_WORDS]:,} the value has no"
        f" words on a command line (MX251), {counts[Outcome.UNKNOWN]:,} vLLM could not judge here,"
        " for want of a file, a repository or a package.",
        "",
        f"Of the other {judged:,} the verdicts agree on {agreed:,}"
        f" ({agreed / max(judged, 1):.1%}). **False alarms: {counts[Outcome.FALSE_ALARM]}.**",
        "",
        *_table(done),
    ]
    lines += ["", "### What vLLM finds later", "", *_later(done)]
    for title, text, outcomes in (
        ("What we miss", "vLLM refuses these, and `validate` says nothing.", MISSED),
        ("What only the CPU refuses",
         "vLLM takes these on CUDA, so `validate` says nothing.", {Outcome.CPU_ONLY}),
    ):  # fmt: skip
        rows = list(_groups(item for item in done if item.outcome in outcomes))
        lines += ["", f"### {title}", "", text if rows else "Nothing."]
        if rows:
            lines += [
                "",
                "| profiles | what vLLM says | where | for example |",
                "|---|---|---|---|",
            ]
            lines += rows
    return "\n".join(lines) + "\n"


def _table(done: Sequence[Compared]) -> Iterator[str]:
    yield "| what was tried | profiles | both take it | both refuse it | missed | other |"
    yield "|---|---|---|---|---|---|"
    for kind in (*KINDS, None):
        outcomes = Counter(i.outcome for i in done if kind is None or i.case.kind == kind)
        total = outcomes.total()
        if not total:
            continue
        refused = outcomes[Outcome.REFUSED] + outcomes[Outcome.REFUSED_CUDA]
        missed = sum(outcomes[outcome] for outcome in MISSED)
        other = total - outcomes[Outcome.TAKEN] - refused - missed
        yield (
            f"| {kind or '**all**'} | {total:,} | {outcomes[Outcome.TAKEN]:,} | {refused:,} |"
            f" {missed:,} | {other:,} |"
        )


def _later(done: Sequence[Compared]) -> Iterator[str]:
    found = [e for item in done if item.outcome is Outcome.LATER for e in item.found]
    rules = Counter(error.partition(":")[0] for error in found)
    yield "Errors of ours that vLLM raises too, but after its configuration is made."
    yield ""
    yield "| profiles | finding |"
    yield "|---|---|"
    for name, count in sorted(rules.items()):
        yield f"| {count} | {name} |"


def _groups(items: Iterable[Compared]) -> Iterator[str]:
    """A row for each thing that vLLM says, the most frequent first."""
    groups: dict[tuple[str, str], list[Compared]] = defaultdict(list)
    for item in items:
        groups[pattern(item.refusal.message), item.refusal.at.partition(",")[0]].append(item)
    ranked = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    for (message, place), held in ranked:
        example = min((options(item) for item in held), key=lambda text: (len(text), text))
        yield f"| {len(held)} | {_cell(message)} | {_cell(place)} | `{_cell(example)}` |"


def pattern(message: str) -> str:
    """vLLM's message without what changes from one profile to the next."""
    message = message.removeprefix(": ").removeprefix("Value error, ")
    message = message.removeprefix('"').removeprefix("('")
    message = re.sub(
        r"^argument (--[\w-]+)\S*: \d+ validation errors? for \w+\s+", r"\1: ", message
    )
    for sign, instead in _PARTS:
        message = sign.sub(instead, message)
    return message.strip()[:140]


def options(item: Compared) -> str:
    """The options of a profile, on one line."""
    inside = item.case.text.rpartition("args:\n")[2]
    text = "; ".join(line.strip() for line in inside.splitlines())
    return text if len(text) <= 100 else f"{text[:99]}…"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'")
