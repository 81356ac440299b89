"""What a card has told the collector, and how it stands with the look that is on."""

from typing import Any, Final

# What stays true of a card that no longer answers.
_STEADY: Final = frozenset(
    ("name", "uuid", "pci_bus_id", "compute_capability", "memory.total_bytes", "numa_node")
) | {"clocks.max_sm_mhz", "clocks.max_memory_mhz", "pcie.max_generation", "pcie.max_width"}


class Heard:
    """One card. Times are of :func:`time.monotonic`."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.told: dict[str, Any] = {}
        self.why: dict[str, str] = {}
        self.links: dict[str, int] | None = None
        self.fault: tuple[str, str] | None = None  # ("lost", "fault" or "hangs", the reason)
        self.pending = False
        self.asked_at = 0.0
        self.heard_at = 0.0
        self.attached_at: float | None = None  # in this look or an earlier one
        self.took = 0.0  # seconds of the last look that it answered whole
        self._fresh: set[str] = set()  # told in this look
        self._failed = False  # in this look

    def begin(self, now: float) -> None:
        """A look begins."""
        self.pending = True
        self.asked_at = self.heard_at = now
        self._fresh, self._failed = set(), False

    def resume(self) -> None:
        """Somebody else asks, in the same look."""
        self.pending, self._failed = True, False

    def hear(self, message: dict[str, Any], now: float) -> None:
        """Take in one line of an asker."""
        self.heard_at = now
        told, why = message.get("told", {}), message.get("why", {})
        if "attached" in message:
            self.attached_at = now
        if told or why:
            gone = {name for name in self.why if name.partition(".")[0] in told}
            self.why = {name: text for name, text in self.why.items() if name not in gone | {*told}}
            self.told = {name: value for name, value in self.told.items() if name not in why}
            self.told |= told
            self.why |= why
            self._fresh |= {*told}
        self.links = message.get("links", self.links)
        for kind in ("lost", "fault"):
            if kind in message:
                self.fail(kind, message[kind])
                self.attached_at = None
        if "done" in message:
            self.pending = False
            self.took = now - max(self.asked_at, self.attached_at or 0.0)
            if not self._failed:
                self.fault = None

    def give_up(self, now: float) -> None:
        """Nobody waits any longer; it may still answer one day."""
        milliseconds = 1000 * (now - self.asked_at)
        self.fail("hangs", f"timed out after {milliseconds:.0f} ms in the driver")

    def be_late(self, now: float, *, asked: bool) -> None:
        """The look is over for all, and this card has yet to answer it, or even to be asked."""
        if not asked:
            self._fresh = set()
        self.give_up(now)
        self.pending, self._failed = True, False

    def fail(self, kind: str, reason: str) -> None:
        """The look is over for this card, and only what it told in it is still true."""
        self.fault = kind, reason
        self.pending, self._failed = False, True
        kept = self._fresh | _STEADY
        self.told = {name: value for name, value in self.told.items() if name in kept}

    def as_json(self) -> dict[str, Any]:
        """One element of ``cards``."""
        return {"index": self.index, "told": self.told, "why": self.why, "fault": self.fault}
