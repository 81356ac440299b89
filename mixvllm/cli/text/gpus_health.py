"""The health of a card in words that say what to do."""

from typing import Final, NamedTuple

from mixvllm.cli.streams import visible as shown
from mixvllm.cli.text.cells import Line, Span, line
from mixvllm.cli.text.style import Tone
from mixvllm.core.diagnostic import Severity
from mixvllm.gpu.inventory import Gpu, GpuInventory, Problem

# code of a problem -> (in a narrow column, where there is room: "" is the problem's own sentence)
_WORDS: Final = {
    "card-lost": ("lost", "lost: reset it, or reboot"),
    "card-error": ("no answer", "cannot be asked: see the driver's log"),
    "no-answer": ("timed out", ""),
    "recovery-action": ("has a fault", ""),
    "row-remap-failed": ("worn out", "spare rows used up: have it replaced"),
    "row-remap-pending": ("remap pending", "row remap pending: reset before use"),
    "retired-pages-pending": ("pages pending", "pages wait to be retired: reset before use"),
    "ecc-errors": ("ECC errors", "uncorrectable ECC errors: restart what runs there"),
    "xid": ("XID", ""),
    "compute-prohibited": ("closed", ""),
    "compute-exclusive": ("one process", ""),
}
_STEPS: Final = ("reboot", "reset")  # in what the driver advises, if it is one of these
# What is worth a word beside "ok"; a card that is cut into slices is shown with them.
_NOTES: Final = {"xid-seen": "XID seen", "pcie-width": "few PCIe lanes", "throttled": "slowed"}
_TONES: Final = {
    Severity.ERROR: Tone.BROKEN,
    Severity.WARNING: Tone.DOUBTFUL,
    Severity.INFO: None,
}
_GRAVEST_FIRST: Final = tuple(_TONES)

HEALTH_FIELDS: Final = ("row_remap_pending", "row_remap_failed", "ecc_uncorrected_errors")


class Health(NamedTuple):
    """In a word, at length, and, of a card that told nothing, in place of all its figures."""

    short: Line
    long: Line
    instead: Line = ()


def health(gpu: Gpu, inventory: GpuInventory) -> Health:
    """The worst of a card; that it is well only where it was asked."""
    found = by_severity(inventory.problems_of(gpu.index))
    problems = [problem for problem in found if problem.severity is not Severity.INFO]
    if problems:
        worst, *others = problems
        short, long = _WORDS.get(worst.code, (worst.code.replace("-", " "), ""))
        if worst.code == "recovery-action":
            short = next(
                (f"needs a {step}" for step in _STEPS if step in (gpu.recovery_action or "")), short
            )
        more = f", and {len(others)} more" if others else ""
        tone = tone_of(worst)
        silent = gpu.name is None and gpu.memory.total_bytes is None
        instead = line(sentence(worst), tone) if silent else ()
        return Health(line(short, tone), line((long or sentence(worst)) + more, tone), instead)
    if all(name in gpu.unavailable for name in HEALTH_FIELDS):
        return Health(line("-"), line("-"))
    notes = [_NOTES[problem.code] for problem in found if problem.code in _NOTES]
    well = Span("ok", Tone.RIGHT)
    if not notes:
        return Health((well,), (well,))
    all_notes = Span(f", {', '.join(notes)}", Tone.DOUBTFUL)
    return Health((well, Span(f", {notes[0]}", Tone.DOUBTFUL)), (well, all_notes))


def by_severity(problems: tuple[Problem, ...]) -> list[Problem]:
    """The gravest first."""
    return sorted(problems, key=lambda problem: _GRAVEST_FIRST.index(problem.severity))


def worth_a_word(inventory: GpuInventory) -> list[Problem]:
    """What somebody should know who reads the table; what it says itself is not said again."""
    said = {*_NOTES, "mig-parent"}
    return [
        problem
        for problem in by_severity(inventory.problems)
        if problem.severity is not Severity.INFO or problem.code not in said
    ]


def word_of(problem: Problem) -> str:
    """Before the sentence."""
    return "note" if problem.severity is Severity.INFO else problem.severity.value


def sentence(problem: Problem) -> str:
    """What is wrong, in a row that names the card already."""
    told = shown(problem.message)
    for beginning in (f"card {problem.gpu}: ", f"card {problem.gpu} "):
        told = told.removeprefix(beginning)
    return told


def tone_of(problem: Problem) -> Tone | None:
    """The colour of a problem."""
    return _TONES[problem.severity]
