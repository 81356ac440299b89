"""What the figures of a card say about its health, with the next step."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from mixvllm.core.diagnostic import Severity
from mixvllm.gpu.inventory import Gpu, Problem, Xid
from mixvllm.gpu.xids import meaning_of

# Codes of problems with which a card is of no use: nothing should be started there.
UNFIT: Final = frozenset(
    {
        *("card-lost", "card-error", "no-answer"),
        *("row-remap-failed", "row-remap-pending", "recovery-action", "xid", "compute-prohibited"),
    }
)

_NO_RECOVERY: Final = "none"
# what the driver advises -> what is wrong, what to do
_RECOVERY: Final = {
    "reset": ("needs a reset", "end what runs there, then nvidia-smi --gpu-reset -i {index}"),
    "reboot": ("needs a reboot of the machine", "reboot; a reset of the card is not enough"),
    "system-reboot": ("needs a reboot of the machine", "reboot; a reset of the card is not enough"),
    "drain-p2p": (
        "can no longer be trusted to exchange data with other cards",
        "end what runs on it and on the cards it works with",
    ),
    "drain-and-reset": (
        "takes no new work until it was reset",
        "end what runs there, then nvidia-smi --gpu-reset -i {index}",
    ),
    "bus-reset": ("needs a reset of its bus", "power the machine off and on"),
    "recover-imex-domain": (
        "lost the other machines of its NVLink domain",
        "restart the nvidia-imex service of all machines of the domain",
    ),
}

_SLOWED: Final = {
    "hot": "it is hot",
    "hardware slowdown (hot)": "it is so hot that the hardware slows it down",
    "hardware slowdown (power brake)": "the machine's power supply asks it to use less",
    "hardware slowdown": "the hardware slows it down",
}


def health_problems(gpu: Gpu) -> Iterator[Problem]:
    """All there is, the worst of a kind alone."""
    for look in (_recovery, _memory, _xids, _mode, _notes):
        yield from look(gpu)


def _problem(
    gpu: Gpu, code: str, what: str, hint: str, severity: Severity = Severity.WARNING
) -> Problem:
    worst = Severity.ERROR if code in UNFIT else severity
    return Problem(code, f"card {gpu.index}{what}", hint, gpu.index, worst)


def _recovery(gpu: Gpu) -> Iterator[Problem]:
    action = gpu.recovery_action
    if action is not None and action != _NO_RECOVERY:
        wrong = f"has a fault, and the driver advises '{action}'"
        what, hint = _RECOVERY.get(action, (wrong, "nvidia-smi -q -i {index} tells more"))
        yield _problem(gpu, "recovery-action", f" {what}", hint.format(index=gpu.index))


def _memory(gpu: Gpu) -> Iterator[Problem]:
    """As NVIDIA's guide to GPU memory error management reads the figures."""
    if gpu.row_remap_failed:
        what = ": a memory row could not be remapped, its spare rows are used up"
        hint = "take the card out of service and have it replaced"
        yield _problem(gpu, "row-remap-failed", what, hint)
    reset = f"reset the card before the next run: nvidia-smi --gpu-reset -i {gpu.index}"
    if gpu.row_remap_pending:
        yield _problem(gpu, "row-remap-pending", ": a memory row waits to be remapped", reset)
    if gpu.retired_pages_pending:
        what = ": pages of memory wait to be retired"
        yield _problem(gpu, "retired-pages-pending", what, reset)
    count = gpu.ecc_uncorrected_errors
    if count:
        yield _problem(
            gpu,
            "ecc-errors",
            f": {count} uncorrectable memory error{'s' * (count != 1)} since the driver was loaded",
            f"restart what runs there; nvidia-smi -q -d ECC,ROW_REMAPPER -i {gpu.index} tells more",
        )


def _xids(gpu: Gpu) -> Iterator[Problem]:
    """The newest error of each weight. A driver that advises nothing holds none against a card."""
    found = gpu.xids or ()
    grave = [xid for xid in found if meaning_of(xid.code).unfit]
    if grave and gpu.recovery_action != _NO_RECOVERY:
        hint = (
            f"end what runs there, then nvidia-smi --gpu-reset -i {gpu.index}; "
            "if it comes again, reboot, then have the card looked at"
        )
        yield _problem(gpu, "xid", f": {in_words(grave[-1])}", hint)
    elif found:
        xid = grave[-1] if grave else found[-1]
        hint = "`sudo dmesg | grep -i xid` has all of them"
        yield _problem(gpu, "xid-seen", f": {in_words(xid)}", hint, Severity.INFO)


def in_words(xid: Xid) -> str:
    """``XID 79, 3 min ago: the card fell off the bus``."""
    ago = xid.seconds_ago
    when = "" if ago is None else f", {_span(ago)} ago"
    return f"XID {xid.code}{when}: {meaning_of(xid.code).words}"


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _mode(gpu: Gpu) -> Iterator[Problem]:
    hint = f"`sudo nvidia-smi -c DEFAULT -i {gpu.index}` opens it"
    if gpu.compute_mode == "prohibited":
        yield _problem(gpu, "compute-prohibited", " is closed to programs (compute mode)", hint)
    elif gpu.compute_mode in ("exclusive-process", "exclusive-thread") and gpu.processes:
        what = f" takes one process at a time, and pid {gpu.processes[0].pid} is there"
        yield _problem(gpu, "compute-exclusive", what, f"end that process, or {hint}")


def _notes(gpu: Gpu) -> Iterator[Problem]:
    if gpu.mig_enabled:
        count = len(gpu.mig_devices or ())
        what = f" is cut into {count} MIG device{'s' * (count != 1)}; it cannot be used as a whole"
        hint = "name a MIG device by its UUID, or `sudo nvidia-smi -mig 0` makes the card whole"
        yield _problem(gpu, "mig-parent", what, hint, Severity.INFO)
    width, most = gpu.pcie.width, gpu.pcie.max_width
    if gpu.memory.total_bytes and width and most and width < most:  # else it is in no slot
        what = f" has {width} of {most} PCIe lanes: loading a model takes longer"
        hint = "see whether it sits firmly in a slot of full width"
        yield _problem(gpu, "pcie-width", what, hint, Severity.INFO)
    slowed = [_SLOWED[reason] for reason in gpu.throttle_reasons or () if reason in _SLOWED]
    if slowed:
        hint = f"nvidia-smi -q -d PERFORMANCE,TEMPERATURE -i {gpu.index} tells more"
        yield _problem(gpu, "throttled", f" runs slower: {slowed[-1]}", hint, Severity.INFO)


def unclaimed_xids(found: Sequence[dict[str, Any]]) -> Iterator[Problem]:
    """Errors in the kernel's log of cards that did not say where they are: the newest of each."""
    newest = {
        each["bus"]: Xid(each["code"], each["message"], each["seconds_ago"]) for each in found
    }
    for bus, xid in newest.items():
        yield Problem(
            "xid-elsewhere",
            f"the kernel's log has an error of PCI device {bus}, and no card says it is there: "
            f"{in_words(xid)}",
            "it may be a card that is lost; `sudo dmesg | grep -i xid` has all errors",
        )
