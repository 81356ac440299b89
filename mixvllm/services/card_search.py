"""One start that looks for its cards.

Without a race: the cards are leased first, and only then it is looked how much is free on them.
What was chosen from an older look and has changed since is given back, and chosen anew.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from mixvllm.core.errors import MachineFault
from mixvllm.core.origin import dotted
from mixvllm.gpu.device import Device, devices, named
from mixvllm.gpu.inventory import GpuInventory
from mixvllm.gpu.placement import DEAD, NoPlace, Placed, Unfit, Wish, advice, choose, unfit, why_not
from mixvllm.gpu.visible import BY_BUS, ORDER, VARIABLE
from mixvllm.rules.wanted import named as named_by
from mixvllm.services.check import Checked
from mixvllm.services.lease import Lease, Leases, NoLease, Taken
from mixvllm.services.lessee import Lessee
from mixvllm.vllm.table import numbers

# From here on vLLM takes a UUID in CUDA_VISIBLE_DEVICES; before, `int(...)` of it fails
# (device_id_to_physical_device_id in vllm/platforms/interface.py, 0.23.0 and 0.24.0).
READS_UUIDS: Final = "0.24.0"
_TRIES: Final = 100  # races with other starts, and looks at cards that change meanwhile
_FREED: Final = 5.0  # seconds that a driver may take to free what an engine had that has ended
_PAUSE: Final = 0.2  # seconds


@dataclass(frozen=True, slots=True)
class Placement:
    """What the choice means for a run. ``leases`` are ours until they are closed."""

    variables: Mapping[str, str] = field(default_factory=dict)
    leases: Sequence[Lease] = ()
    notes: tuple[str, ...] = ()

    def begun(self) -> None:
        """The engine has its memory: others that share a card may start there."""
        for lease in self.leases:
            lease.begun()

    def close(self) -> None:
        """Give the cards back."""
        for lease in self.leases:
            lease.close()


class Unplaced(MachineFault):
    """The engine has no cards here now; the hint tells of each card, and what would help."""

    def __init__(
        self, what: str, lines: Iterable[str], refused: Sequence[Unfit], missing: int
    ) -> None:
        super().__init__(what, hint="\n".join(lines))
        self._refused = refused
        self._missing = missing  # so many cards

    @property
    def is_being_freed(self) -> bool:
        """Whether all that is missing is memory that nobody has: of an engine that has just ended,
        whose memory the driver takes back a moment later.
        """
        nobody_s = [
            one for one in self._refused
            if one.short and one.passing and one.device.processes == ()
        ]  # fmt: skip
        return len(nobody_s) >= self._missing > 0


class Search:
    """One start that looks for its cards."""

    def __init__(
        self,
        checked: Checked,
        wanted: Wish,
        lessee: Lessee,
        leases: Leases,
        look: Callable[[], GpuInventory],
        tell: Callable[[str], None],
    ) -> None:
        self._checked = checked
        self._wish = wanted
        self._lessee = lessee
        self._leases = leases
        self._look = look
        self._tell = tell
        self._reads_uuids = numbers(checked.release) >= numbers(READS_UUIDS)
        self._shared = checked.resolved.value("gpus", "share") is True
        self._told = ""
        self._barred: dict[str, str] = {}  # cards whose lease cannot be had, and why

    def run(self, inventory: GpuInventory) -> Placement:
        """Until there are cards, or a reason why there are none."""
        freed_by = time.monotonic() + _FREED
        for _ in range(_TRIES):
            try:
                chosen, fixed = self._choose(inventory)
            except Unplaced as why:
                if not why.is_being_freed or time.monotonic() > freed_by:
                    raise
                self._tell_once("waiting a moment: memory is in use that no process has")
                time.sleep(_PAUSE)
                inventory = self._look()
                continue
            with ExitStack() as undo:
                held = self._take(chosen.devices)
                if held is None:
                    continue  # somebody was faster, and is named by the next choice
                for lease in held:
                    undo.callback(lease.close)
                self._wait_for_others(held)
                inventory = self._look()
                if self._still_good(chosen.devices, inventory):
                    undo.pop_all()
                    return self._placement(chosen, held, fixed=fixed)
        raise MachineFault(
            "the cards of this machine change faster than one can be chosen",
            hint="try again, or name cards in gpus.select",
        )

    def _tell_once(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._tell(text)

    def _choose(self, inventory: GpuInventory) -> tuple[Placed, bool]:
        """The devices, and whether the profile names them. Raises Unplaced."""
        others = self._leases.holders(shared=self._shared)
        taken = {uuid: f"used by {lessee}" for uuid, lessee in others.items()} | self._barred
        names = named_by(self._checked.facts, inventory)
        among = None if names is None else names.devices
        if names is not None and among is not None and names.fixed:
            own = among[: self._wish.cards]
            refused = [
                trouble
                for device in own
                if (trouble := unfit(device, inventory, self._wish, taken, DEAD))
            ]
            if refused:
                lines = (*why_not(refused), advice(refused))
                what = f"{self._lessee.name} cannot use {named([one.device for one in refused])}"
                raise Unplaced(
                    f"{what}, which {dotted(names.key)} names", lines, refused, len(refused)
                )
            return Placed(own), True
        if among is None and not self._reads_uuids:
            # An index can only mean a card, and of one that is split its first slice.
            among = tuple(d for d in devices(inventory) if d.part is None or d.part.index == 0)
        found = choose(inventory, self._wish, taken=taken, among=among)
        if isinstance(found, NoPlace):
            what = f"{self._lessee.name} has no place: {found.words}"
            missing = self._wish.cards - len(found.fit)
            raise Unplaced(what, (*found.reasons, found.advice), found.refused, missing)
        return found, False

    def _take(self, chosen: Sequence[Device]) -> Sequence[Lease] | None:
        uuids = [device.uuid for device in chosen if device.uuid is not None]
        try:
            return self._leases.take(uuids, self._lessee, shared=self._shared)
        except Taken:
            time.sleep(random.uniform(0, _PAUSE / 10))  # noqa: S311 - so that one of two is first
            return None
        except NoLease as why:
            self._barred[why.uuid] = str(why)
            return None

    def _wait_for_others(self, held: Sequence[Lease]) -> None:
        """Those that share a card start one after the other: each measures what is free there."""
        for lease in held if self._shared else ():
            if not lease.begin(self._lessee):
                self._tell_once(f"waiting for {lease.starter()}, which starts on the same card")
                while not lease.begin(self._lessee):
                    time.sleep(_PAUSE)

    def _still_good(self, chosen: Sequence[Device], inventory: GpuInventory) -> bool:
        """Whether nothing happened to the devices between the choice and the lease."""
        now = {device.label: device for device in devices(inventory)}
        return all(
            (device := now.get(one.label)) is not None
            and device.uuid == one.uuid
            and unfit(device, inventory, self._wish, {}, DEAD) is None
            for one in chosen
        )

    def _placement(self, chosen: Placed, held: Sequence[Lease], *, fixed: bool) -> Placement:
        if fixed:
            return Placement(leases=held)
        uuids = [device.uuid for device in chosen.devices if device.uuid is not None]
        indices = [str(device.gpu.index) for device in chosen.devices]
        named_so = uuids if self._reads_uuids and len(uuids) == len(indices) else indices
        variables = {VARIABLE: ",".join(named_so), ORDER: BY_BUS}
        return Placement(variables, held, (f"placed on {chosen.words}",))
