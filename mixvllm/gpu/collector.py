"""The process that watches those who talk to the driver, and never talks to it itself.

A call into the driver cannot be cancelled, and a process in one may not even die. So an asker
(:mod:`mixvllm.gpu.asker`) is forked for all cards, from a process that has the binding loaded
already: a fork takes milliseconds. Who hangs is left behind, and another takes the place.

- A card that stays silent, or takes much longer than another one did, is stuck. What it had
  told by then is kept, and the other cards are complete.
- Cards that fall silent together may all wait for one of them: the driver has locks. Their
  asker is let go, and with it the lock, and each card is asked once more by one of its own,
  one after the other. So the one that is stuck is found, and the others answer.
- A stuck card is left out from then on, and tried again now and then when all others are done.

Our parent writes a line for each look, and gets a line back: ``{"driver", "refused", "cards",
"links", "xids"}``; before it perhaps ``{"waking": true}``. We end when our input does.
"""

import json
import os
import select
import time
from contextlib import suppress
from typing import Any, Final

from mixvllm.gpu.heard import Heard
from mixvllm.gpu.kernel import KernelLog, LoggedXid, bus_of, seconds_since_start
from mixvllm.gpu.member import Member
from mixvllm.gpu.nvml.links import SWITCH
from mixvllm.gpu.patience import WAKING, Patience

_RENEW: Final = 5.0  # seconds after which a card that is in trouble is tried anew
_RETRY: Final = 2.0  # seconds after which a driver that refused is asked anew
_REFRESH: Final = 60.0  # seconds after which all cards are: some may have been added
_STEP: Final = 20  # milliseconds between two looks at the clock
_BUSY: Final = 0.1  # seconds between them, where the machine has no time for us

_CRASHED: Final = "NVIDIA's library crashed"


class Collector:
    """The asker of all cards, those of single ones, and what the cards told."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._patience = Patience(*options["patience"])
        self._log = KernelLog(options["kmsg"])
        self._joint: Member | None = None  # asks all cards but the stuck ones
        self._stuck: dict[int, float] = {}  # cards, and when each was tried last
        self._left: list[Member] = []  # were told to end
        self._cards: dict[int, Heard] = {}
        self._pairs: dict[tuple[int, int], tuple[str | None, bool | None]] = {}
        self._driver: dict[str, Any] | None = None
        self._refused: list[str] | None = None  # a code, and what is behind it
        # Of the look that is on:
        self._began = 0.0
        self._woke_at = 0.0  # when a card was attached to last, or the look began
        self._slowest = 0.0  # seconds that took
        self._waking_told = False

    def run(self) -> None:
        """A look for each line of our input."""
        with open(0, "rb", buffering=0, closefd=False) as lines:
            for _ in lines:
                _tell(self.look())
        self._leave_joint()
        deadline = time.monotonic() + 1.0
        while self._left and time.monotonic() < deadline:
            time.sleep(0.005)
            self._bury()

    def look(self) -> dict[str, Any]:
        """Ask all cards, and wait for each as long as it deserves."""
        self._began = self._woke_at = now = time.monotonic()
        self._slowest, self._waking_told = 0.0, False
        self._bury()
        joint = self._man(now)
        if joint.ended:
            return self._answer()
        self._refused = None
        if not joint.is_awaited:
            busy = {index for index, card in self._cards.items() if card.pending}
            joint.ask(busy | self._stuck.keys())
        self._log.read_on()
        silent = self._hear_all(joint)
        if len(silent) == 1 and len(self._cards) > 1:  # it held up nobody, and nobody held it up
            self._give_up(silent[0], joint)
            self._leave_joint()
        elif silent:
            self._leave_joint()
            self._ask_one_by_one(silent)
        due = [self._cards[index] for index, at in self._stuck.items() if now - at > _RENEW]
        if due and not self._is_over():
            self._ask_one_by_one(due)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        return answer(self._driver, self._refused, self._cards, self._pairs, self._log)

    # Who asks

    def _man(self, now: float) -> Member:
        """Who asks all cards; a new one where the old one is of no use, or old.

        One that has ended was refused a moment ago: the answer would be the same.
        """
        if self._joint is not None:
            well = [card for card in self._cards.values() if card.index not in self._stuck]
            troubled = any(card.fault and not card.pending for card in well)
            limit = _RETRY if self._joint.ended else _RENEW if troubled else _REFRESH
            if now - self._joint.since > limit:
                self._leave_joint()
        if self._joint is None:
            self._joint = Member(self._options)
        return self._joint

    def _leave_joint(self) -> None:
        if self._joint is not None:
            self._leave(self._joint)
            self._joint = None
        for card in self._cards.values():
            card.pending = False
            card.attached_at = None  # the last one to let go of a card may put it to sleep

    def _leave(self, member: Member) -> None:
        member.leave()
        self._left.append(member)

    def _bury(self) -> None:
        self._left = [member for member in self._left if not member.is_buried()]

    # What they say

    def _hear(self, member: Member) -> float:
        """Take in what is said, if anything is said soon.

        Comes back with the seconds in which the machine had no time for us. The asker had none
        either, then, and none of its cards is to blame.
        """
        began = time.monotonic()
        poll = select.poll()
        if not member.ended:
            poll.register(member.told, select.POLLIN)
        if poll.poll(_STEP):
            for message in member.hear():
                self._take(member, message, time.monotonic())
        taken = time.monotonic() - began
        return taken if taken > _BUSY else 0.0

    def _take(self, member: Member, message: dict[str, Any], now: float) -> None:
        if "opened" in message:
            member.opened = True
            self._driver = message["opened"]
        elif "refused" in message:
            member.refused = [message["refused"], message["detail"]]
        elif "count" in message:
            member.is_awaited = False
            if member is self._joint:
                self._count(message["count"], message["skipped"], now)
        elif "pair" in message:
            first, second, path, peer = message["pair"]
            self._pairs[first, second] = path, peer
        elif message["card"] in self._cards:
            if "attached" in message:
                self._slowest = max(self._slowest, now - self._woke_at)
                self._woke_at = now
            self._cards[message["card"]].hear(message, now)

    def _count(self, count: int, skipped: list[int], now: float) -> None:
        """The asker of all begins, and says how many cards there are."""
        for index in [index for index in self._cards if index >= count]:
            del self._cards[index]
            self._stuck.pop(index, None)
        for index in range(count):
            card = self._cards.setdefault(index, Heard(index))
            if index not in skipped:
                card.begin(now)

    # How long they are waited for

    def _hear_all(self, joint: Member) -> list[Heard]:
        """Until all have told, or nobody waits any longer. Comes back with those to ask again."""
        while True:
            lost = self._hear(joint)
            now = time.monotonic()
            pending = [card for card in self._cards.values() if card.pending]
            for card in pending:
                card.heard_at += lost
            if joint.ended:
                return self._why_it_ended(joint, pending)
            if not joint.is_awaited and not pending:
                return []
            if any(self._is_silent(card, now) for card in pending):
                return pending
            if joint.is_awaited and now - joint.asked_at > self._patience.open:
                self._refused = ["no-answer", f"{self._patience.open:g}"]
                self._leave_joint()
                return []
            if self._is_over():
                for card in self._cards.values() if joint.is_awaited else pending:
                    card.be_late(now, asked=not joint.is_awaited)
                if not self._cards:
                    self._refused = ["no-answer", f"{self._patience.whole:g}"]
                return []
            if not self._waking_told and self._none_awake() and now - self._began > WAKING:
                self._waking_told = True
                _tell({"waking": True})

    def _why_it_ended(self, joint: Member, pending: list[Heard]) -> list[Heard]:
        """The driver refuses, or an answer was its end: let it be seen which."""
        if joint.refused is not None or not joint.opened:
            self._refused = joint.refused or ["driver-error", f"{_CRASHED} while it was opened"]
            self._cards.clear()
            self._stuck.clear()
            return []
        return pending

    def _is_over(self) -> bool:
        whole = self._patience.whole
        return whole is not None and time.monotonic() - self._began > whole

    def _none_awake(self) -> bool:
        return all(card.attached_at is None for card in self._cards.values())

    def _is_silent(self, card: Heard, now: float) -> bool:
        """Whether the card would have answered by now if it were well."""
        patience, others = self._patience, self._cards.values()
        if card.attached_at is None:
            if self._none_awake():
                return now > card.asked_at + patience.attach
            return now > self._woke_at + max(patience.silence, 1.5 * self._slowest)
        if any(other.pending and other.attached_at is None for other in others):
            return False  # the driver is waking a card, and may let the others wait
        complete = [other.took for other in others if not other.pending and other.fault is None]
        most = max(patience.read, 2 * max(complete)) if complete else patience.read_all
        begun = max(card.attached_at, card.asked_at)
        return now > min(card.heard_at + patience.silence, begun + most)

    def _ask_one_by_one(self, cards: list[Heard]) -> None:
        """Who was heard last comes first: who waited longest is the likeliest to be stuck."""
        ends_at = time.monotonic() + self._patience.again
        order = sorted(cards, key=lambda card: -card.heard_at)
        turns = [(card, Member(self._options)) for card in order]
        for card, member in turns:
            began = time.monotonic()
            member.ask(self._cards.keys() - {card.index})
            card.resume()
            until = time.monotonic() + self._patience.turn
            while card.pending and not member.ended and time.monotonic() < min(until, ends_at):
                before = card.heard_at
                until += self._hear(member)
                if card.heard_at > before:
                    until = card.heard_at + self._patience.turn
            if card.pending:
                self._give_up(card, member)
            else:
                self._stuck.pop(card.index, None)
                ends_at += time.monotonic() - began  # only those that are silent use it up
            self._leave(member)

    def _give_up(self, card: Heard, member: Member) -> None:
        now = time.monotonic()
        if member.ended:
            card.fail("fault", _CRASHED)
        else:
            card.give_up(now)
        self._stuck[card.index] = now


def answer(
    driver: dict[str, Any] | None,
    refused: list[str] | None,
    cards: dict[int, Heard],
    pairs: dict[tuple[int, int], tuple[str | None, bool | None]],
    log: KernelLog,
) -> dict[str, Any]:
    """What our parent is told."""
    places = {index: bus_of(card.told.get("pci_bus_id") or "") for index, card in cards.items()}
    for index, card in cards.items():
        card.told.pop("xids", None)
        card.why.pop("xids", None)
        if log.why or places[index] is None:
            if log.why or card.fault is None:
                card.why["xids"] = log.why or "its place on the bus is not known"
        else:
            card.told["xids"] = [_xid(xid) for xid in log.found if xid.bus == places[index]]
    return {
        "driver": driver,
        "refused": refused,
        "cards": [cards[index].as_json() for index in sorted(cards)],
        "links": [
            {
                "first": first,
                "second": second,
                "path": path,
                "nvlinks": _nvlinks(cards.get(first), cards.get(second)),
                "peer_access": peer,
            }
            for (first, second), (path, peer) in sorted(pairs.items())
        ],
        "xids": [
            {"bus": "{:04x}:{:02x}:{:02x}".format(*xid.bus), **_xid(xid)}
            for xid in log.found
            if xid.bus not in places.values()
        ],
    }


def _xid(xid: LoggedXid) -> dict[str, Any]:
    ago = max(0.0, seconds_since_start() - xid.at)
    return {"code": xid.code, "message": xid.message, "seconds_ago": round(ago, 1)}


def _nvlinks(first: Heard | None, second: Heard | None) -> int | None:
    """How many lead from one card to the other, through switches too; None: not known."""
    if first is None or second is None or first.links is None or second.links is None:
        return None
    place = bus_of(second.told.get("pci_bus_id") or "")
    direct = sum(count for end, count in first.links.items() if place and bus_of(end) == place)
    return direct + min(first.links.get(SWITCH, 0), second.links.get(SWITCH, 0))


def _tell(message: dict[str, Any]) -> None:
    line = json.dumps(message).encode() + b"\n"
    while line:
        line = line[os.write(1, line) :]


def main(options: dict[str, Any]) -> None:
    """Serve a parent until it is gone; it may go at any time."""
    with suppress(BrokenPipeError):
        Collector(options).run()
    os._exit(0)
