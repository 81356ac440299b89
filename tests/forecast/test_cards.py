"""Which cards the ranks get, and what CUDA calls their memory."""

from dataclasses import replace

from mixvllm.forecast.cards import Offer, card_of, usable
from mixvllm.forecast.forecast import forecast
from mixvllm.forecast.verdict import Cause, Verdict
from mixvllm.gpu.device import Device
from mixvllm.gpu.inventory import (
    Gpu,
    GpuInventory,
    GpuMemory,
    MigDevice,
    Problem,
)
from mixvllm.gpu.placement import Wish
from tests.forecast.questions import GIB, question

TOTAL = 24 * GIB


def gpu(index: int, reserved: int | None = GIB // 2, **told: object) -> Gpu:
    memory = GpuMemory(TOTAL, 0, TOTAL, reserved)
    return Gpu(index, uuid=f"GPU-{index}a", name="NVIDIA X", memory=memory, **told)  # type: ignore[arg-type]


def inventory(*gpus: Gpu, problems: tuple[Problem, ...] = ()) -> GpuInventory:
    return GpuInventory(None, None, gpus, problems)


def test_cuda_sees_the_card_without_the_drivers_part() -> None:
    told = card_of(Device(gpu(0))).total
    assert told is not None
    assert told.low < TOTAL - GIB // 2 < told.high
    assert told.high - told.low <= GIB // 8
    untold = card_of(Device(gpu(0, reserved=None))).total
    assert untold is not None
    assert untold.low < told.low
    assert told.high < untold.high < TOTAL


def test_a_card_that_does_not_tell_its_memory_is_not_guessed_at() -> None:
    assert card_of(Device(Gpu(0))).total is None


def test_ill_cards_are_left_out_and_slices_stand_for_their_card() -> None:
    lost = Problem("card-lost", "card 0 is lost", "reboot", 0)
    sliced = gpu(
        2, mig_enabled=True,
        mig_devices=(MigDevice(0, "MIG-a", "1g.10gb", 1, 0, GpuMemory(10 * GIB, 0, 10 * GIB, 0)),),
    )  # fmt: skip
    found = tuple(map(card_of, usable(inventory(gpu(0), gpu(1), sliced, problems=(lost,)))))
    assert [each.place for each in found] == ["card 1", "slice 0 of card 2"]
    assert found[1].nvml_total == 10 * GIB


def test_the_choice_is_that_of_serve() -> None:
    """One model; the idle before the busy; not what another run has."""
    small = [gpu(n) for n in range(4)]
    large = [
        Gpu(n, f"GPU-{n}a", "NVIDIA L", memory=GpuMemory(2 * TOTAL, 0, 2 * TOTAL, GIB // 2))
        for n in (4, 5)
    ]
    mixed = inventory(*small, *large)
    assert places(mixed, 1) == ["card 4"]
    assert places(mixed, 2) == ["card 4", "card 5"]
    assert places(mixed, 4) == ["card 0", "card 1", "card 2", "card 3"]
    assert places(mixed, 2, **{"GPU-5a": "used by a"}) == ["card 0", "card 1"]
    busy = replace(small[0], memory=GpuMemory(TOTAL, 20 * GIB, 3 * GIB, GIB // 2))
    assert places(inventory(busy, small[1]), 1) == ["card 1"]


def test_where_serve_finds_no_place_the_cards_are_still_told() -> None:
    full = replace(gpu(0), memory=GpuMemory(TOTAL, 20 * GIB, 3 * GIB, GIB // 2))
    assert places(inventory(full), 1) == ["card 0"]
    assert places(inventory(gpu(0), gpu(1)), 2, **{"GPU-1a": "used by a"}) == ["card 0", "card 1"]
    assert places(inventory(gpu(0), gpu(1)), 4) == ["card 0", "card 1"]
    assert places(inventory(gpu(0), replace(gpu(1), name="NVIDIA Y")), 2) == ["card 0", "card 1"]


def test_slices_make_no_group() -> None:
    parts = tuple(
        MigDevice(n, f"MIG-{n}", "1g.10gb", memory=GpuMemory(10 * GIB, 0, 10 * GIB, 0))
        for n in range(2)
    )
    sliced = inventory(gpu(0, mig_enabled=True, mig_devices=parts))
    offer = Offer(sliced, usable(sliced), {}, Wish())
    cards = offer.cards
    asked = replace(question("Qwen/Qwen3-0.6B", *cards, tensor_parallel_size=2), offer=offer)
    found = forecast(asked)
    assert found.verdict is Verdict.DOES_NOT_FIT
    (why,) = (reason.text for reason in found.reasons if reason.cause is Cause.CARDS)
    assert why == "2 cards are needed, and slices (MIG) work alone"


def places(machine: GpuInventory, count: int, **taken: str) -> list[str]:
    offer = Offer(machine, usable(machine), taken, Wish(share=0.92))
    return [each.place for each in offer.choose(count, tensor=count, share=0.92)[0]]
