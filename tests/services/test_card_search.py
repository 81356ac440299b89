"""The search for cards, on inventories made here and with real leases."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mixvllm.core.errors import MachineFault
from mixvllm.gpu.inventory import Gpu, GpuInventory, GpuMemory, MigDevice
from mixvllm.rules.wanted import wish
from mixvllm.services.card_search import Placement, Search, Unplaced
from mixvllm.services.lease import Leases
from mixvllm.services.lessee import Lessee
from tests.rules.checking import checked

GIB = 2**30
ME = Lessee("llama-8b", 14256, "anna", "/p.yaml", datetime(2026, 11, 22, tzinfo=UTC))
YOU = Lessee("qwen-32b", 99, "bob", "/q.yaml", datetime(2026, 11, 22, tzinfo=UTC))


@pytest.fixture
def leases(tmp_path: Path) -> Leases:
    return Leases(tmp_path)


def box(*free: float) -> GpuInventory:
    """Cards of 80 GiB with so much free, the rest held by nobody that the driver would name."""

    def card(index: int, gib: float) -> Gpu:
        memory = GpuMemory(80 * GIB, None, round(gib * GIB), GIB)
        return Gpu(index, f"GPU-{index}", "H100", memory=memory)

    return GpuInventory(None, None, tuple(card(i, gib) for i, gib in enumerate(free)), ())


def search(
    leases: Leases, looks: Sequence[GpuInventory], text: str = "", release: str = "0.32.0"
) -> Placement:
    """What comes of it when the cards are so at each look; the last one stays."""
    rest: Iterator[GpuInventory] = iter([*looks[1:], *[looks[-1]] * 200])
    found = checked(f"model: m\n{text}", release=release)
    wanted = wish(found.facts)
    assert wanted is not None
    return Search(found, wanted, ME, leases, lambda: next(rest), lambda _: None).run(looks[0])


def names(placement: Placement) -> str:
    placement.close()
    return placement.variables["CUDA_VISIBLE_DEVICES"]


def test_what_changed_before_the_lease_is_chosen_anew(leases: Leases) -> None:
    placement = search(leases, [box(79, 75), box(20, 75)])
    assert list(leases.holders()) == ["GPU-1"]
    assert placement.notes == ("placed on card 1: 75.0 GiB free (card 0: 20.0 GiB free, 72.7 GiB"
                               " are needed)",)  # fmt: skip
    assert names(placement) == "GPU-1"
    assert leases.holders() == {}


def test_a_card_that_is_another_one_now_is_not_used(leases: Leases) -> None:
    """An index whose card was replaced, or that is gone."""
    first = box(79, 79)
    gone = GpuInventory(None, None, first.gpus[1:], ())
    assert names(search(leases, [first, gone])) == "GPU-1"


def test_a_search_among_cards_that_never_stand_still_ends(leases: Leases) -> None:
    looks = [box(79, 20), box(20, 79)] * 150
    with pytest.raises(MachineFault, match="change faster than one can be chosen"):
        search(leases, looks)
    assert leases.holders() == {}


def test_a_lease_that_cannot_be_had_is_told(leases: Leases, tmp_path: Path) -> None:
    file = tmp_path / "mixvllm-GPU-0.lease"
    file.mkdir()
    placement = search(leases, [box(79, 79)])
    assert names(placement) == "GPU-1"
    assert placement.notes == (
        f"placed on card 1: 79.0 GiB free (card 0: its lease file {file} is no plain file)",
    )
    with pytest.raises(Unplaced) as refused:
        search(leases, [box(79)])
    assert refused.value.hint.startswith(f"card 0: its lease file {file} is no plain file\n")


def test_both_cards_or_none(leases: Leases) -> None:
    yours = leases.take(["GPU-1"], YOU)
    pair = "inference: {tensor_parallel_size: 2}\n"
    with pytest.raises(Unplaced) as refused:
        search(leases, [box(79, 79)], pair)
    assert str(refused.value) == "llama-8b has no place: 2 cards are needed, 1 can be used"
    assert refused.value.hint.startswith("card 1: used by qwen-32b (pid 99 of bob, since 2026")
    assert list(leases.holders()) == ["GPU-1"]
    assert names(search(leases, [box(79, 79, 79)], pair)) == "GPU-0,GPU-2"
    yours[0].close()


def test_a_machine_without_leases_still_has_cards() -> None:
    assert names(search(Leases(None), [box(79)])) == "GPU-0"


@pytest.mark.parametrize(("release", "name"), [("0.23.0", "0"), ("0.24.0", "GPU-0")])
def test_cards_are_named_as_this_vllm_reads_them(leases: Leases, release: str, name: str) -> None:
    placement = search(leases, [box(79)], release=release)
    assert placement.variables["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert names(placement) == name


@pytest.mark.parametrize(
    ("release", "uuid", "name"), [("0.23.0", "MIG-0", "0"), ("0.24.0", "MIG-1", "MIG-1")]
)
def test_an_index_can_only_mean_the_first_slice(
    leases: Leases, release: str, uuid: str, name: str
) -> None:
    parts = tuple(
        MigDevice(i, f"MIG-{i}", memory=GpuMemory(gib * GIB, 0, gib * GIB, 0))
        for i, gib in enumerate((10, 40))
    )
    gpu = Gpu(0, "GPU-0", "H100", mig_enabled=True, mig_devices=parts)
    placement = search(leases, [GpuInventory(None, None, (gpu,), ())], release=release)
    assert list(leases.holders()) == [uuid]
    assert names(placement) == name


def test_cards_without_a_uuid_are_named_by_index(leases: Leases) -> None:
    inventory = GpuInventory(None, None, (Gpu(0, name="H100"),), ())
    assert names(search(leases, [inventory])) == "0"
    assert leases.holders() == {}


def test_what_the_profile_names_stays_as_it_is(leases: Leases) -> None:
    placement = search(leases, [box(79, 79, 79)], "gpus: {select: [2, 0]}\n")
    assert (placement.variables, placement.notes) == ({}, ())
    assert list(leases.holders()) == ["GPU-2"]  # the one that one rank uses
    with pytest.raises(Unplaced, match=r"cannot use card 2, which gpus\.select names"):
        search(leases, [box(79, 79, 79)], "gpus: {select: [2]}\n")
    placement.close()
