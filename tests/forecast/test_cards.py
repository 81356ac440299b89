"""Which cards the ranks get, and what CUDA calls their memory."""

from collections.abc import Mapping

from mixvllm.forecast.cards import best, card_of, fit_for_use, listed
from mixvllm.gpu.device import Device
from mixvllm.gpu.inventory import (
    Gpu,
    GpuInventory,
    GpuMemory,
    MigDevice,
    Problem,
)
from tests.forecast.questions import GIB, card

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
    found = fit_for_use(inventory(gpu(0), gpu(1), sliced, problems=(lost,)))
    assert [each.place for each in found] == ["card 1", "slice 0 of card 2"]
    assert found[1].nvml_total == 10 * GIB


def test_the_variable_names_the_cards_in_its_order() -> None:
    def places(environ: Mapping[str, str]) -> list[str] | None:
        found = listed(inventory(gpu(0), gpu(1), gpu(2)), environ)
        return None if found is None else [each.place for each in found]

    assert places({}) is None
    assert places({"CUDA_VISIBLE_DEVICES": "2,0"}) == ["card 2", "card 0"]
    assert places({"CUDA_VISIBLE_DEVICES": "GPU-1a"}) == ["card 1"]
    assert places({"CUDA_VISIBLE_DEVICES": "1,9,0"}) == ["card 1"]
    assert places({"CUDA_VISIBLE_DEVICES": "-1"}) == []


def test_the_best_are_of_one_kind_with_the_most_memory() -> None:
    small = [card(23.5, place=f"small {n}", name="S") for n in range(4)]
    large = [card(79.2, place=f"large {n}", name="L") for n in range(2)]
    assert [c.place for c in best([*small, *large], 2, live=False)] == ["large 0", "large 1"]
    assert {c.name for c in best([*small, *large], 4, live=False)} == {"S"}
    assert len(best(large, 3, live=False)) == 2


def test_live_the_ones_with_the_most_free() -> None:
    busy, idle = card(79.2, free=3.0, place="busy"), card(79.2, free=79.0, place="idle")
    assert best([busy, idle], 1, live=True) == (idle,)
    assert best([busy, idle], 1, live=False) == (busy,)
