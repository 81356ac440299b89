"""A cheap look at the cards, for what is drawn again every second."""

from collections.abc import Sequence
from typing import Self

from mixvllm.core.events import CardSampled
from mixvllm.gpu import nvml
from mixvllm.gpu.inventory import Gpu


class CardSampler:
    """NVML, opened once; what does not change is read once.

    Calls block for as long as the driver does: call :meth:`sample` in a thread, and not again
    before it has returned.
    """

    def __init__(self, cards: dict[int, tuple[Gpu, nvml.Handle | None]]) -> None:
        self._cards = cards

    @classmethod
    def open(cls, indices: Sequence[int] | None = None) -> Self:
        """Watch these cards, or all. Raises DriverFault when none can be asked."""
        opened = nvml.open_nvml()
        wanted = range(opened.count) if indices is None else indices
        cards: dict[int, tuple[Gpu, nvml.Handle | None]] = {}
        for index in wanted:
            gpu, handle = Gpu(index), None
            try:
                handle = nvml.attach(index)
                for question in nvml.STEADY:
                    gpu = nvml.ask(gpu, handle, question)
            except (nvml.CardLost, *nvml.FAULTS):
                pass  # the card stays in the picture, with nothing known of it
            cards[index] = (gpu, handle)
        return cls(cards)

    def close(self) -> None:
        """Let the driver go."""
        nvml.close_nvml()

    def sample(self) -> tuple[CardSampled, ...]:
        """All cards now: four calls a card. What a card cannot say is None."""
        return tuple(self._look(gpu, handle) for gpu, handle in self._cards.values())

    def _look(self, gpu: Gpu, handle: nvml.Handle | None) -> CardSampled:
        if handle is not None:
            try:
                for question in nvml.MOVING:
                    gpu = nvml.ask(gpu, handle, question)
            except nvml.CardLost:
                pass
        return CardSampled(
            index=gpu.index,
            name=gpu.name or "unknown",
            memory_used_bytes=gpu.memory.used_bytes,
            memory_total_bytes=gpu.memory.total_bytes,
            utilization_percent=gpu.utilization.gpu_percent,
            temperature_celsius=gpu.temperature_celsius,
            power_watts=gpu.power_watts,
            power_limit_watts=gpu.power_limit_watts,
        )
