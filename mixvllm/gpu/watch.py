"""The cards of this machine, looked at again and again."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from mixvllm.gpu import faults
from mixvllm.gpu.collect import Collected, collected
from mixvllm.gpu.inventory import GpuInventory
from mixvllm.gpu.patience import Patience
from mixvllm.gpu.process import DEFAULT, Collector, CollectorEnded, Scope

_PATIENCE: Final = Patience(whole=0.8)
_FIRST: Final = 10.0  # seconds in which the collector is up and has answered
_LATEST: Final = 0.95  # the same for one that has answered before


def _now() -> datetime:
    return datetime.now(UTC)


class Watch:
    """A collector that stays: what does not change is read once, what changes slowly seldom.

    It begins with the first look. Use it as a context manager, or call :meth:`close`.
    """

    def __init__(self, scope: Scope = DEFAULT, *, now: Callable[[], datetime] = _now) -> None:
        self._scope = scope
        self._now = now
        self._collector: Collector | None = None
        self._asked = False
        self._up = False  # it has answered once

    def look(self) -> GpuInventory:
        """The cards now, within a second from the second look on; the first one starts a process.
        Never raises for the machine: ``problems`` says why.
        """
        told = self._told()
        return GpuInventory(self._now(), told.driver, told.gpus, told.problems, told.links)

    def _told(self) -> Collected:
        try:
            if self._collector is None:
                self._collector = Collector(self._scope, _PATIENCE)
            if not self._asked:
                self._collector.ask()
            limit = _LATEST if self._up else _FIRST
            message = self._collector.answer(limit)
        except (OSError, CollectorEnded) as error:
            self.close()
            return Collected(None, (), (faults.driver_error(str(error)),))
        self._asked = message is None
        if message is None:
            return Collected(None, (), (faults.no_answer(limit),))
        self._up = True
        return collected(message, self._scope)

    def close(self) -> None:
        """Let the collector go. Waits for nobody."""
        if self._collector is not None:
            self._collector.close()
        self._collector, self._asked, self._up = None, False, False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
